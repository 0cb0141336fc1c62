#include "host/cpu/batch_engine.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "cunewton/math/stencil.h"
#include "cunewton/small/problem_io.h"
#include "host/backend/thread_pool.h"
#include "host/cpu/advance_lanes.h"
#include "host/cpu/dense_kernels.h"
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
          layout_(layout(task)),
          state_(buffer(state_size(task))),
          sums_(buffer(sums_size(task))),
          y_(buffer(y_size(task))),
          coordinates_(buffer(coordinates_size(task))),
          weights_(buffer(weights_size(task))),
          steps_(buffer(steps_size(task))),
          guess_(buffer(guess_size(task))) {
        std::fill_n(state_.get() + batch::StateLayout::status * lanes, lanes, T(batch::ended));
    }
    /// Bytes that one takes.
    static std::size_t bytes(const BatchTask<T>& task) {
        const long numbers = state_size(task) + sums_size(task) + y_size(task) +
                             coordinates_size(task) + weights_size(task) + steps_size(task) +
                             guess_size(task);
        return sizeof(LaneSolver) + static_cast<std::size_t>(numbers * lanes) * sizeof(T);
    }

    /// Solves runs of the chunk, whose problems are begun in that order, until `next` has none
    /// left.
    void solve(const BatchView<T>& chunk, const std::vector<int>& order,
               const RunResults<T>& results, std::atomic<long>& next) {
        chunk_ = &chunk;
        begun_ = chunk;
        if (guess_) begun_.start = {guess_.get(), 0, guess_lanes};
        order_ = order.empty() ? nullptr : order.data();
        results_ = &results;
        next_ = &next;
        block_begin_ = block_end_ = 0;
        std::fill_n(run_, lanes, -1L);
        std::fill_n(points_, lanes, 0);
        for (int lane = 0; lane < lanes; ++lane) refill(lane);
        while (const int points = *std::max_element(points_, points_ + lanes)) {
            if (steps_) place_steps();
            evaluate(points);
            advance_lanes<T>(task_.kind, layout_, state_.get(), sums_.get(), sums_.get() + lanes,
                             sums_.get() + (1 + task_.n) * lanes, task_.method.settings);
            for (int lane = 0; lane < lanes; ++lane) {
                if (run_[lane] < 0 || slot(batch::StateLayout::status, lane) < T(batch::ended))
                    continue;
                emit(lane, run_[lane], true);
                slot(batch::StateLayout::status, lane) = batch::ended;
                refill(lane);
            }
        }
    }

  private:
    static constexpr int lanes = lane_count<T>;
    /// As many problems are guessed at once.
    static constexpr int guess_lanes = 2 * lanes;

    // Numbers of a lane.
    static batch::StateLayout layout(const BatchTask<T>& task) {
        return {task.n, task.kind == SmallKind::fit, task.method.settings.bounded,
                !is_compiled_for(task.kind, task.n)};
    }
    static long state_size(const BatchTask<T>& task) { return layout(task).size(); }
    static long sums_size(const BatchTask<T>& task) { return 1 + task.n + layout(task).packed(); }
    static long y_size(const BatchTask<T>& task) {
        return task.kind == SmallKind::fit ? task.view.points : 0;
    }
    static long coordinates_size(const BatchTask<T>& task) {
        return task.view.coordinates.row != 0 ? long{task.view.points} * task.coordinates : 0;
    }
    static long weights_size(const BatchTask<T>& task) {
        return task.view.weights || task.view.offsets ? task.view.points : 0;
    }
    static long steps_size(const BatchTask<T>& task) {
        return task.method.derivatives == BatchDerivatives::differences ? 6L * task.n : 0;
    }
    /// The guesses, then the points that they are of.
    static long guess_size(const BatchTask<T>& task) {
        const long numbers = task.n + y_size(task) + coordinates_size(task) + weights_size(task);
        return task.view.guesses() ? numbers * (guess_lanes / lanes) : 0;
    }
    static Buffer<T> buffer(long numbers) {
        if (numbers == 0) return {};
        Buffer<T> made = aligned_buffer<T>(static_cast<std::size_t>(numbers * lanes));
        std::fill_n(made.get(), numbers * lanes, T(0));
        return made;
    }

    batch::Memory<T> slots(int lane) { return {state_.get() + lane, lanes}; }
    T& slot(int k, int lane) { return state_.get()[k * lanes + lane]; }

    /// The next run, or -1.
    long take_run() {
        if (block_begin_ == block_end_) {
            const long runs = chunk_->runs();
            block_begin_ = std::min(runs, next_->fetch_add(runs_per_block));
            block_end_ = std::min(runs, block_begin_ + runs_per_block);
            if (block_begin_ == block_end_) return -1;
        }
        if (guess_ && block_begin_ % guess_lanes == 0) guess();
        return run_at(block_begin_++);
    }
    long run_at(long place) const {
        const long starts = chunk_->starts;
        return order_ ? order_[place / starts] * starts + place % starts : place;
    }

    /// Puts the next usable run into the lane; reports the unusable ones on the way.
    void refill(int lane) {
        for (;;) {
            run_[lane] = take_run();
            points_[lane] = 0;
            if (run_[lane] < 0) return;
            if (load(lane, run_[lane])) return;
            emit(lane, run_[lane], false);
        }
    }

    bool load(int lane, long run) {
        const long problem = run / chunk_->starts;
        const batch::PointRange points = chunk_->points_of(problem);
        const auto neighbours = [](const Rows<const T>& rows) { return rows.column == 1; };
        // A distance that the compiler knows makes loads of neighbours.
        const batch::CheckedPoints<T> checked =
            neighbours(chunk_->y) && neighbours(chunk_->weights) && neighbours(chunk_->coordinates)
                ? load_points<true>(lane, points)
                : load_points<false>(lane, points);
        counted_points_[lane] = checked.counted;
        if (!checked.usable) return false;
        points_[lane] = points.count;
        const batch::Memory<T> typical{steps_ ? steps_.get() + lane : nullptr, lanes};
        // The run is the one before block_begin_.
        if (guess_) begun_.start.data = guess_.get() + (block_begin_ - 1) % guess_lanes;
        return batch::load_start(begun_, task_.method, layout_, slots(lane), typical, run, problem,
                                 checked, batch::Alone());
    }

    /// Guesses for the next problems, guess_lanes of them: for each alone it would cost as much as
    /// the fit. There is one run of each.
    void guess() {
        const BatchView<T>& chunk = *chunk_;
        T* const y = guess_.get() + task_.n * guess_lanes;
        T* const coordinates = y + y_size(task_) * guess_lanes;
        T* const weights = coordinates + coordinates_size(task_) * guess_lanes;
        const int used = static_cast<int>(std::min<long>(guess_lanes, block_end_ - block_begin_));
        batch::PointRange points[guess_lanes];
        int most = 0;
        for (int lane = 0; lane < used; ++lane) {
            points[lane] = chunk.points_of(run_at(block_begin_ + lane));
            most = std::max(most, points[lane].count);
        }
        const auto place = [&](const Rows<const T>& rows, int numbers, T* to) {
            // Without offsets the problems' rows follow each other.
            if (!chunk.offsets)
                return product_kernels<T>().pack_panel(used, most * numbers,
                                                       rows.data + points[0].begin * rows.row,
                                                       rows.row, rows.column, guess_lanes, to);
            for (int lane = 0; lane < used; ++lane) {
                const T* const from = rows.data + points[lane].begin * rows.row;
                const long count = long{points[lane].count} * numbers;
                for (long k = 0; k < count; ++k) to[k * guess_lanes + lane] = from[k * rows.column];
            }
        };
        place(chunk.y, 1, y);
        if (coordinates_) place(chunk.coordinates, task_.coordinates, coordinates);
        if (weights_) {
            if (chunk.weights) place(chunk.weights, 1, weights);
            for (int lane = 0; lane < used; ++lane) {
                const long count = points[lane].count;
                if (!chunk.weights)
                    for (long i = 0; i < count; ++i) weights[i * guess_lanes + lane] = T(1);
                for (long i = count; i < most; ++i) weights[i * guess_lanes + lane] = T(0);
            }
        }
        task_.cpu->guess({guess_lanes, most, coordinates_ ? coordinates : chunk.coordinates.data,
                          !coordinates_, y, weights_ ? weights : nullptr, guess_.get()});
    }

    /// Copies the points and looks at them. A point of weight 0 is not looked at.
    template <bool neighbours>
    batch::CheckedPoints<T> load_points(int lane, const batch::PointRange& points) {
        const BatchView<T>& chunk = *chunk_;
        const auto row_of = [&](const Rows<const T>& rows) {
            return rows ? rows.data + points.begin * rows.row : nullptr;
        };
        const auto at = [](const T* row, const Rows<const T>& rows, long k) {
            return row[neighbours ? k : k * rows.column];
        };
        const T* const weights = row_of(chunk.weights);
        const int count = points.count;
        // Beyond its points a lane has zeros: as far as the last problem reached.
        const int used = used_[lane];
        used_[lane] = count;
        batch::PointCheck<T> check;
        if (weights) {
            for (int i = 0; i < count; ++i)
                static_cast<void>(check.counts(at(weights, chunk.weights, i)));
        } else {
            check.counted = count;
        }
        if (y_) {
            const T* const y = row_of(chunk.y);
            T* to = y_.get() + lane;
            const bool poisson = task_.method.estimator == Estimator::poisson;
            if (weights || poisson) {
                for (int i = 0; i < count; ++i) {
                    const T w = weights ? at(weights, chunk.weights, i) : T(1);
                    const T value = w > T(0) ? at(y, chunk.y, i) : T(0);
                    to[i * lanes] = value;
                    if (w > T(0)) check.look_at_y(value, w, poisson);
                }
            } else {
                for (int i = 0; i < count; ++i) {
                    const T value = at(y, chunk.y, i);
                    to[i * lanes] = value;
                    check.look_at_y(value, T(1), false);
                }
            }
            for (int i = count; i < used; ++i) to[i * lanes] = T(0);
        }
        if (coordinates_) {
            const T* const x = row_of(chunk.coordinates);
            const int c = task_.coordinates;
            for (int i = 0; i < count; ++i) {
                const bool counts = !weights || at(weights, chunk.weights, i) > T(0);
                for (int k = i * c; k < (i + 1) * c; ++k) {
                    const T value = counts ? at(x, chunk.coordinates, k) : T(0);
                    coordinates_.get()[k * lanes + lane] = value;
                    check.look_at_coordinate(value);
                }
            }
        }
        if (weights_) {
            T* to = weights_.get() + lane;
            for (int i = 0; i < count; ++i)
                to[i * lanes] = weights ? at(weights, chunk.weights, i) : T(1);
            for (int i = count; i < used; ++i) to[i * lanes] = T(0);
        }
        return check.result();
    }

    /// Where parameters move to from the trial points for differences.
    void place_steps() {
        static const T first = central_step<T>(), second = second_difference_step<T>();
        constexpr T infinity = std::numeric_limits<T>::infinity();
        const int count = task_.n * lanes;
        const bool bounded = layout_.bounded;
        const T* x = state_.get() + layout_.trial() * lanes;
        const T* low = state_.get() + layout_.lower() * lanes;
        const T* high = state_.get() + layout_.upper() * lanes;
        const T* typical = steps_.get();
        T* const to = steps_.get() + count;
        for (int k = 0; k < count; ++k) {
            const T size = std::max(std::abs(x[k]), typical[k]);
            const T least = bounded ? low[k] : -infinity, most = bounded ? high[k] : infinity;
            const FirstPoints<T> gradient = first_points(x[k], first * size, least, most);
            to[k] = gradient.up;
            to[count + k] = gradient.down;
            const SecondPoints<T> hessian = second_points(x[k], second * size, least, most);
            to[2 * count + k] = hessian.centre;
            to[3 * count + k] = hessian.up;
            to[4 * count + k] = hessian.down;
        }
    }

    void evaluate(int points) {
        const int count = task_.n * lanes;
        LaneBlock<T> block;
        block.lanes = lanes;
        block.points = points;
        block.parameters = state_.get() + layout_.trial() * lanes;
        block.shared_coordinates = !coordinates_;
        block.coordinates = coordinates_ ? coordinates_.get() : chunk_->coordinates.data;
        block.y = y_.get();
        block.weights = weights_.get();
        block.gradient_points = steps_ ? steps_.get() + count : nullptr;
        block.hessian_points = steps_ ? steps_.get() + 3 * count : nullptr;
        block.estimator = task_.method.estimator;
        block.tuning = task_.method.tuning;
        block.f = sums_.get();
        block.gradient = sums_.get() + lanes;
        block.hessian = sums_.get() + lanes + count;
        task_.cpu->evaluate(task_.method.derivatives, block);
    }

    void emit(int lane, long run, bool usable) {
        const int counted = counted_points_[lane];
        if (task_.kind == SmallKind::fit)
            batch::emit<SmallKind::fit>(*results_, task_.method, layout_, slots(lane), run, usable,
                                        counted, batch::Alone());
        else
            batch::emit<SmallKind::objective>(*results_, task_.method, layout_, slots(lane), run,
                                              usable, counted, batch::Alone());
    }

    const BatchTask<T>& task_;
    batch::StateLayout layout_;
    Buffer<T> state_, sums_;
    Buffer<T> y_, coordinates_, weights_;
    Buffer<T> steps_;  // typical sizes, then where parameters move to
    Buffer<T> guess_;  // see guess_size()

    const BatchView<T>* chunk_ = nullptr;
    BatchView<T> begun_;  // the same, with the guesses as starts
    const int* order_ = nullptr;
    const RunResults<T>* results_ = nullptr;
    std::atomic<long>* next_ = nullptr;
    long block_begin_ = 0, block_end_ = 0;
    long run_[lanes];
    int points_[lanes];
    int used_[lanes] = {};  // points that the lane's last problem had
    int counted_points_[lanes];
};

template <class T>
class CpuBatchEngine final : public BatchEngine<T> {
  public:
    explicit CpuBatchEngine(const BatchTask<T>& task) : task_(task) {
        // The models' code reads coordinates that are neighbours.
        const Rows<const T>& shared = task.view.coordinates;
        if (!shared || shared.row != 0 || shared.column == 1) return;
        for (long k = 0; k < long{task.view.points} * task.coordinates; ++k)
            coordinates_.push_back(shared(0, k));
    }
    const char* name() const override { return "cpu"; }
    long chunk_size(long wanted) const override {
        // Results, and the data, which are copied where the arithmetic is not the data's.
        const long packed = task_.hessians ? long{task_.n} * (task_.n + 1) / 2 : 0;
        const long numbers = task_.view.points * (task_.coordinates + 2L) +
                             task_.view.starts * (4L * task_.n + 4 + packed);
        const long fit = static_cast<long>(task_.memory_budget / sizeof(T)) / numbers;
        return std::clamp(wanted > 0 ? wanted : 32768L, 1L, std::max(64L, fit));
    }
    int slots() const override { return 1; }
    MemoryNeeded memory(long problems, long, long) const override {
        const std::size_t order = task_.view.offsets ? sizeof(int) : 0;
        return {static_cast<std::size_t>(task_.threads->count()) * LaneSolver<T>::bytes(task_) +
                    static_cast<std::size_t>(problems) * order + coordinates_.size() * sizeof(T),
                0};
    }
    void begin(int, const BatchView<T>& chunk, const RunResults<T>& results) override {
        ThreadPool& pool = task_.threads->pool();
        BatchView<T> view = chunk;
        if (!coordinates_.empty()) view.coordinates = {coordinates_.data(), 0, 1};
        const std::vector<int> order = order_by_size(view.offsets, view.problems);
        while (static_cast<int>(solvers_.size()) < pool.size())
            solvers_.push_back(std::make_unique<LaneSolver<T>>(task_));
        std::atomic<long> next = 0;
        pool.for_each(solvers_.size(), [&](std::size_t solver, int) {
            solvers_[solver]->solve(view, order, results, next);
        });
    }
    void finish(int) override {}

  private:
    BatchTask<T> task_;
    std::vector<T> coordinates_;  // of all problems, where the caller's are no neighbours
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
