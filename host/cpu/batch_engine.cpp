#include "host/cpu/batch_engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "cunewton/math/stencil.h"
#include "host/backend/thread_pool.h"
#include "host/cpu/advance_lanes.h"
#include "host/cpu/rank_k.h"

namespace cunewton::cpu {

namespace {

/// Runs are handed to threads in blocks of this many.
constexpr long runs_per_block = 128;

/// The lanes of one thread: their problems' data and states.
template <class T>
class LaneSolver {
  public:
    explicit LaneSolver(const BatchTask<T>& task)
        : task_(task),
          layout_{task.n, task.kind == SmallKind::fit, task.settings.bounded,
                  !is_compiled_for(task.kind, task.n)},
          packed_(layout_.packed()),
          state_(aligned_buffer<T>(static_cast<std::size_t>(layout_.size()) * lanes)),
          sums_(aligned_buffer<T>(static_cast<std::size_t>(1 + task.n + packed_) * lanes)),
          own_coordinates_(task.shared_coordinates ? 0 : task.coordinates) {
        const std::size_t points = static_cast<std::size_t>(task.points) * lanes;
        if (task.kind == SmallKind::fit) y_ = aligned_buffer<T>(points);
        if (own_coordinates_ > 0)
            coordinates_ = aligned_buffer<T>(points * static_cast<std::size_t>(own_coordinates_));
        if (task.weighted || task.ragged) weights_ = aligned_buffer<T>(points);
        if (task.derivatives == BatchDerivatives::differences)
            steps_ = aligned_buffer<T>(static_cast<std::size_t>(3 * task.n) * lanes);
        for (const Buffer<T>* buffer : {&state_, &sums_, &y_, &coordinates_, &weights_, &steps_})
            std::fill_n(buffer->get(), buffer->size(), T(0));
        std::fill_n(state_.get() + batch::StateLayout::status * lanes, lanes, T(batch::ended));
    }

    /// Solves runs of the chunk until `next` has none left.
    void solve(const BatchChunk<T>& chunk, std::atomic<long>& next) {
        chunk_ = &chunk;
        next_ = &next;
        block_begin_ = block_end_ = 0;
        std::fill_n(run_, lanes, -1L);
        std::fill_n(points_, lanes, 0);
        for (int lane = 0; lane < lanes; ++lane) refill(lane);
        while (const int points = *std::max_element(points_, points_ + lanes)) {
            if (steps_) place_steps();
            evaluate(points);
            advance_lanes<T>(task_.kind, layout_, state_.get(), sums_.get(), sums_.get() + lanes,
                             sums_.get() + (1 + task_.n) * lanes, task_.settings);
            for (int lane = 0; lane < lanes; ++lane) {
                if (run_[lane] < 0 || scalar(batch::StateLayout::status, lane) < T(batch::ended))
                    continue;
                emit(lane);
                refill(lane);
            }
        }
    }

  private:
    static constexpr int lanes = lane_count<T>;

    batch::Memory<T> slots(int lane) { return {state_.get() + lane, lanes}; }
    T& slot(int k, int lane) { return state_.get()[k * lanes + lane]; }
    T& scalar(batch::StateLayout::Scalar which, int lane) { return slot(which, lane); }

    /// The next run, or -1.
    long take_run() {
        if (block_begin_ == block_end_) {
            const long runs = task_.run_limit(chunk_->problems);
            block_begin_ = std::min(runs, next_->fetch_add(runs_per_block));
            block_end_ = std::min(runs, block_begin_ + runs_per_block);
            if (block_begin_ == block_end_) return -1;
        }
        return block_begin_++;
    }

    /// Puts the next usable run into the lane; reports the unusable ones on the way.
    void refill(int lane) {
        for (;;) {
            run_[lane] = take_run();
            points_[lane] = 0;
            if (run_[lane] < 0) return;
            if (load(lane, run_[lane])) return;
            report_unusable(run_[lane]);
        }
    }

    bool load(int lane, long run) {
        const long problem = run / task_.starts;
        const BatchChunk<T>& chunk = *chunk_;
        const long first =
            chunk.offsets ? chunk.offsets[problem] - chunk.offsets[0] : problem * task_.points;
        const int count =
            chunk.offsets ? static_cast<int>(chunk.offsets[problem + 1] - chunk.offsets[problem])
                          : task_.points;
        counted_ = 0;
        if (!load_points(lane, first, count)) return false;
        points_[lane] = count;
        return load_start(lane, run, problem);
    }

    /// Copies the points; false if they are unusable. A point of weight 0 is not looked at.
    bool load_points(int lane, long first, int count) {
        const BatchChunk<T>& chunk = *chunk_;
        const bool fit = task_.kind == SmallKind::fit;
        const T* weights = task_.weighted ? chunk.weights + first : nullptr;
        T probe = 0, magnitude = 0;
        // Beyond its points a lane has zeros: as far as the last problem reached.
        const int used = used_[lane];
        used_[lane] = std::max(used, count);
        if (weights) {
            for (int i = 0; i < count; ++i) {
                if (!(weights[i] >= T(0))) return false;
                probe += weights[i] * T(0);
                counted_ += weights[i] > T(0);
            }
        } else {
            counted_ = count;
        }
        if (counted_ == 0) return false;
        if (fit) {
            const T* y = chunk.y + first;
            T* to = y_.get() + lane;
            const bool counts = task_.estimator == Estimator::poisson;
            T least = 0;
            if (weights || counts) {
                for (int i = 0; i < count; ++i) {
                    const T w = weights ? weights[i] : T(1);
                    const T value = w > T(0) ? y[i] : T(0);
                    to[i * lanes] = value;
                    magnitude += w * (counts ? value : value * value);
                    least = std::min(least, value);
                }
            } else {
                for (int i = 0; i < count; ++i) {
                    to[i * lanes] = y[i];
                    magnitude += y[i] * y[i];
                }
            }
            for (int i = count; i < used; ++i) to[i * lanes] = T(0);
            probe += magnitude * T(0);
            if (counts && least < T(0)) return false;
        }
        const int c = own_coordinates_;
        if (c > 0) {
            const T* x = chunk.coordinates + first * c;
            for (int i = 0; i < count; ++i) {
                const bool counts = !weights || weights[i] > T(0);
                for (int k = 0; k < c; ++k) {
                    const T value = counts ? x[i * c + k] : T(0);
                    coordinates_.get()[(i * c + k) * lanes + lane] = value;
                    probe += value * T(0);
                }
            }
        }
        if (weights_) {
            T* to = weights_.get() + lane;
            for (int i = 0; i < count; ++i) to[i * lanes] = weights ? weights[i] : T(1);
            for (int i = count; i < used; ++i) to[i * lanes] = T(0);
        }
        used_[lane] = count;
        magnitude_ = magnitude;
        return probe == T(0);
    }

    bool load_start(int lane, long run, long problem) {
        const BatchChunk<T>& chunk = *chunk_;
        const int n = task_.n;
        const T* start = task_.per_run_start       ? chunk.start + run * n
                         : task_.per_problem_start ? chunk.start + problem * n
                                                   : task_.start_of_all;
        const T* lower = task_.per_problem_bounds ? chunk.lower + problem * n : task_.lower_of_all;
        const T* upper = task_.per_problem_bounds ? chunk.upper + problem * n : task_.upper_of_all;
        int free = n;
        for (int j = 0; j < n; ++j) {
            T x = start[j];
            if (!std::isfinite(x)) return false;
            if (task_.settings.bounded) {
                T low = lower ? lower[j] : -std::numeric_limits<T>::infinity();
                T high = upper ? upper[j] : std::numeric_limits<T>::infinity();
                if (!(low <= high)) return false;
                x = std::min(std::max(x, low), high);
                if (task_.fixed && task_.fixed[j]) low = high = x;
                free -= low == high;
                slot(layout_.lower() + j, lane) = low;
                slot(layout_.upper() + j, lane) = high;
            }
            slot(layout_.trial() + j, lane) = x;
            slot(layout_.x() + j, lane) = x;
            if (steps_) steps_.get()[j * lanes + lane] = typical_size(x);
        }
        batch::begin_problem(slots(lane), layout_, magnitude_, static_cast<T>(counted_ - free));
        counted_points_[lane] = counted_;
        return true;
    }

    /// Steps of differences at the trial points.
    void place_steps() {
        static const T first = central_step<T>(), second = second_difference_step<T>();
        const int count = task_.n * lanes;
        const T* x = state_.get() + layout_.trial() * lanes;
        const T* typical = steps_.get();
        for (int k = 0; k < count; ++k) {
            const T size = std::max(std::abs(x[k]), typical[k]);
            steps_.get()[count + k] = first * size;
            steps_.get()[2 * count + k] = second * size;
        }
    }

    void evaluate(int points) {
        const int count = task_.n * lanes;
        LaneBlock<T> block;
        block.lanes = lanes;
        block.points = points;
        block.parameters = state_.get() + layout_.trial() * lanes;
        block.shared_coordinates = task_.shared_coordinates;
        block.coordinates =
            task_.shared_coordinates ? task_.coordinates_of_all : coordinates_.get();
        block.y = y_.get();
        block.weights = weights_.get();
        block.gradient_steps = steps_ ? steps_.get() + count : nullptr;
        block.hessian_steps = steps_ ? steps_.get() + 2 * count : nullptr;
        block.estimator = task_.estimator;
        block.tuning = task_.tuning;
        block.f = sums_.get();
        block.gradient = sums_.get() + lanes;
        block.hessian = sums_.get() + lanes + count;
        task_.cpu->evaluate(task_.derivatives, block);
    }

    void emit(int lane) {
        const BatchChunk<T>& chunk = *chunk_;
        const long run = run_[lane];
        const int n = task_.n;
        using Layout = batch::StateLayout;
        const T factor = task_.kind == SmallKind::fit ? T(2) : T(1);
        T square = 0;
        std::uint64_t at_bound = 0;
        for (int j = 0; j < n; ++j) {
            const T x = slot(layout_.x() + j, lane);
            const T g = factor * slot(layout_.gradient() + j, lane);
            chunk.parameters[run * n + j] = x;
            square += is_free(j, lane) ? g * g : T(0);
            at_bound |= std::uint64_t{is_at_bound(j, lane)} << j;
        }
        if (chunk.at_bound) chunk.at_bound[run] = at_bound;
        chunk.gradient_norm[run] = std::sqrt(square);
        chunk.objective[run] = factor * scalar(Layout::f, lane);
        chunk.status[run] =
            static_cast<Status>(static_cast<int>(scalar(Layout::status, lane)) - batch::ended);
        chunk.iterations[run] = static_cast<int>(scalar(Layout::iterations, lane));
        chunk.counted_points[run] = counted_points_[lane];
        if (chunk.status[run] == Status::not_finite) {
            chunk.objective[run] = std::numeric_limits<T>::quiet_NaN();
            chunk.gradient_norm[run] = std::numeric_limits<T>::quiet_NaN();
            if (chunk.at_bound) chunk.at_bound[run] = 0;
        }
        if (chunk.hessian) {
            T* to = chunk.hessian + run * packed_;
            for (int k = 0; k < packed_; ++k) to[k] = slot(layout_.hessian() + k, lane);
            for (int j = 0; j < n; ++j)
                if (!is_free(j, lane)) to[packed_index(j, j, n)] = batch::not_free<T>;
            if (chunk.status[run] == Status::not_finite)
                std::fill_n(to, packed_, std::numeric_limits<T>::quiet_NaN());
        }
        scalar(Layout::status, lane) = batch::ended;
    }

    bool is_free(int j, int lane) {
        return !task_.settings.bounded || batch::detail::State<T>(slots(lane), layout_).free(j);
    }

    bool is_at_bound(int j, int lane) {
        return task_.settings.bounded && batch::detail::State<T>(slots(lane), layout_).at_bound(j);
    }

    void report_unusable(long run) {
        const BatchChunk<T>& chunk = *chunk_;
        constexpr T nan = std::numeric_limits<T>::quiet_NaN();
        std::fill_n(chunk.parameters + run * task_.n, task_.n, nan);
        chunk.objective[run] = chunk.gradient_norm[run] = nan;
        chunk.status[run] = Status::invalid_data;
        chunk.iterations[run] = 0;
        chunk.counted_points[run] = 0;
        if (chunk.at_bound) chunk.at_bound[run] = 0;
        if (chunk.hessian) std::fill_n(chunk.hessian + run * packed_, packed_, nan);
    }

    const BatchTask<T>& task_;
    batch::StateLayout layout_;
    int packed_;
    Buffer<T> state_, sums_;
    int own_coordinates_;
    Buffer<T> y_, coordinates_, weights_;
    Buffer<T> steps_;  // typical sizes, then first and second steps

    const BatchChunk<T>* chunk_ = nullptr;
    std::atomic<long>* next_ = nullptr;
    long block_begin_ = 0, block_end_ = 0;
    int counted_ = 0;  // both of the problem being loaded
    T magnitude_ = 0;
    long run_[lanes];
    int points_[lanes];
    int used_[lanes] = {};  // points that the lane's last problem had
    int counted_points_[lanes];
};

template <class T>
class CpuBatchEngine final : public BatchEngine<T> {
  public:
    explicit CpuBatchEngine(const BatchTask<T>& task) : task_(task), pool_(task.threads) {
        for (int t = 0; t < pool_.size(); ++t)
            solvers_.push_back(std::make_unique<LaneSolver<T>>(task_));
    }
    const char* name() const override { return "cpu"; }
    long chunk_size(long wanted) const override {
        // Results, and the data, which are copied where the arithmetic is not the data's.
        const long packed = task_.hessians ? long{task_.n} * (task_.n + 1) / 2 : 0;
        const long numbers =
            task_.points * (task_.coordinates + 2L) + task_.starts * (4L * task_.n + 4 + packed);
        const long fit = static_cast<long>(task_.memory_budget / sizeof(T)) / numbers;
        return std::clamp(wanted > 0 ? wanted : 32768L, 1L, std::max(64L, fit));
    }
    int slots() const override { return 1; }
    void begin(int, const BatchChunk<T>& chunk) override {
        std::atomic<long> next = 0;
        pool_.for_each(solvers_.size(),
                       [&](std::size_t solver, int) { solvers_[solver]->solve(chunk, next); });
    }
    void finish(int) override {}

  private:
    BatchTask<T> task_;
    ThreadPool pool_;
    std::vector<std::unique_ptr<LaneSolver<T>>> solvers_;
};

}  // namespace

template <class T>
std::unique_ptr<BatchEngine<T>> open_batch(const BatchTask<T>& task) {
    return std::make_unique<CpuBatchEngine<T>>(task);
}
template std::unique_ptr<BatchEngine<double>> open_batch(const BatchTask<double>&);
template std::unique_ptr<BatchEngine<float>> open_batch(const BatchTask<float>&);

}  // namespace cunewton::cpu
