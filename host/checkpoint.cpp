#include "cunewton/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>

#include "host/backend/ranks.h"

namespace cunewton {

namespace {

/// A file is this number, the payload's length, its fingerprint and the payload. Read by a machine
/// with another order of bytes it is another number.
constexpr std::uint64_t mark = 0x32746e696f706b63;  // "ckpoint2"
constexpr std::size_t header_bytes = 3 * sizeof(std::uint64_t);

[[noreturn]] void fail(const std::string& what, const std::string& file, const std::string& why,
                       const std::string& what_to_do) {
    throw FileError(what + " ('" + file + "': " + why + ") " + what_to_do);
}
[[noreturn]] void damaged(const std::string& file, const std::string& why) {
    fail("the checkpoint is damaged", file, why, "delete it to begin anew");
}

/// What is in a checkpoint, one number or text after the other, for writing and reading alike.
/// Names of all members: a new one that is left out does not compile.
template <class Stream, class T>
void pass(Stream& stream, T& checkpoint) {
    auto& [of, x, f, gradient_norm, first_gradient_norm, radius, iterations, counts, seconds,
           trace] = checkpoint;
    const auto all = [&](auto&... parts) { (stream.number(parts), ...); };
    const auto pass_counts = [&](auto& c) {
        auto& [evaluations, gradients, hessians, factorizations, products, sampled] = c;
        all(evaluations, gradients, hessians, factorizations, products, sampled);
    };
    stream.array(of);
    stream.array(x);
    all(f, gradient_norm, first_gradient_norm, radius, iterations);
    pass_counts(counts);
    auto& [evaluate, hessian, factorize, total] = seconds;
    all(evaluate, hessian, factorize, total);
    stream.length(trace);
    for (auto& record : trace) {
        auto& [iteration, loss, norm, step_norm, step_length, shift, time, so_far] = record;
        all(iteration, loss, norm, step_norm, step_length, shift, time);
        pass_counts(so_far);
    }
}

struct Writer {
    std::string bytes;

    void append(const void* data, std::size_t size) {
        bytes.append(static_cast<const char*>(data), size);
    }
    template <class V>
    void number(const V& value) {
        append(&value, sizeof(value));
    }
    void length(const auto& values) { number(static_cast<std::uint64_t>(values.size())); }
    void array(const auto& values) {
        length(values);
        append(values.data(), values.size() * sizeof(values[0]));
    }
};

struct Reader {
    const std::string& file;
    std::span<const char> bytes;

    void take(void* data, std::size_t size) {
        if (size > bytes.size()) damaged(file, "it ends too early");
        if (size > 0) std::memcpy(data, bytes.data(), size);
        bytes = bytes.subspan(size);
    }
    template <class V>
    void number(V& value) {
        take(&value, sizeof(value));
    }
    void length(auto& values) {
        std::uint64_t size;
        number(size);
        if (size > bytes.size()) damaged(file, "it ends too early");
        values.resize(size);
    }
    void array(auto& values) {
        length(values);
        take(values.data(), values.size() * sizeof(values[0]));
    }
};

std::uint64_t fingerprint(std::span<const char> bytes) {
    return cunewton::fingerprint(std::as_bytes(bytes));
}

/// A file descriptor that is closed.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number() const { return number_; }
    bool is_open() const { return number_ >= 0; }

  private:
    int number_;
};

bool write_all(int descriptor, std::span<const char> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) return false;
        if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return true;
}

/// As save_checkpoint() says.
void write_atomically(const std::string& file, const std::string& bytes) {
    const std::string temporary = file + ".tmp";
    const auto check = [&](bool done) {
        if (!done)
            fail("the checkpoint cannot be written", file, std::strerror(errno),
                 "check the path, its permissions and the space there");
    };
    {
        const Descriptor out(
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
        check(out.is_open());
        check(write_all(out.number(), bytes));
        check(::fsync(out.number()) == 0);
    }
    check(std::rename(temporary.c_str(), file.c_str()) == 0);
    // The new name, too. Some file systems cannot do that, and do not lose it.
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    const Descriptor directory(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.is_open()) ::fsync(directory.number());
}

template <class T>
constexpr const char* name_of = sizeof(T) == 4 ? "float" : "double";

/// What steps depend on.
template <class T>
std::string describe(long n, const Options& options, const CheckpointOptions& checkpoints) {
    const DerivativeOptions& derivatives = options.derivatives;
    std::ostringstream text;
    text.precision(17);
    text << checkpoints.of << (checkpoints.of.empty() ? "" : ", ") << name_of<T> << ", " << n
         << " parameters, " << to_string(options.method) << " in segments of " << checkpoints.every
         << ", gradient by " << to_string(derivatives.gradient) << ", Hessian by "
         << to_string(derivatives.hessian)
         << (derivatives.hessian_precision == HessianPrecision::single ? " in float" : "")
         << ", preconditioned by " << to_string(options.precondition) << ", line search "
         << static_cast<int>(options.line_search) << ", descent step "
         << static_cast<int>(options.descent_step) << ", lbfgs_pairs " << options.lbfgs_pairs
         << ", relative_step " << derivatives.relative_step << ", memory_budget "
         << derivatives.memory_budget << ", gradient_tolerance "
         << options.gradient_tolerance.value_or(0) << " and " << options.relative_gradient_tolerance
         << ", initial_radius " << options.initial_radius << ", samples of a step "
         << options.sampling.size << ", learning rate " << options.sampling.learning_rate
         << ", momentum " << options.sampling.momentum << ", seed " << options.seed;
    if (!derivatives.typical_x.empty())
        text << ", typical_x " << std::hex
             << cunewton::fingerprint(std::as_bytes(std::span(derivatives.typical_x)));
    return text.str();
}

/// The state that the file has, unless it is of another run.
template <class T>
Checkpoint<T> resumed(const std::string& file, const std::string& of) {
    Checkpoint<T> at = load_checkpoint<T>(file);
    if (at.of != of)
        throw InvalidArgument("the checkpoint is of another run ('" + file + "' is of: " + at.of +
                              "; this is: " + of + ") pass what it was made with, or another file");
    return at;
}

/// What the first rank has, on all of them.
std::string of_first(Communicator& communicator, const std::string& mine) {
    std::vector<std::size_t> bytes(static_cast<std::size_t>(communicator.size()), 0);
    const std::uint64_t own = mine.size();
    std::uint64_t length = 0;
    bytes[0] = sizeof(length);
    meet(communicator, Meeting::call, 1, 0);
    communicator.all_gather(&own, bytes, &length);
    std::string all(static_cast<std::size_t>(length), ' ');
    bytes[0] = all.size();
    meet(communicator, Meeting::call, all.size(), 0);
    communicator.all_gather(mine.data(), bytes, all.data());
    return all;
}

/// With the names of all members, as pass().
Counts sum(const Counts& a, const Counts& b) {
    const auto& [evaluations, gradients, hessians, factorizations, products, sampled] = b;
    return {a.evaluations + evaluations,       a.gradients + gradients, a.hessians + hessians,
            a.factorizations + factorizations, a.products + products,   a.sampled_passes + sampled};
}
PhaseTimes sum(const PhaseTimes& a, const PhaseTimes& b) {
    const auto& [evaluate, hessian, factorize, total] = b;
    return {a.evaluate + evaluate, a.hessian + hessian, a.factorize + factorize, a.total + total};
}

}  // namespace

std::uint64_t fingerprint(std::span<const std::byte> bytes, std::uint64_t before) {
    for (const std::byte byte : bytes)
        before = (before ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
    return before;
}

template <class T>
void save_checkpoint(const std::string& file, const Checkpoint<T>& checkpoint) {
    Writer payload;
    payload.number(static_cast<std::uint64_t>(sizeof(T)));
    pass(payload, checkpoint);
    Writer whole;
    whole.number(mark);
    whole.length(payload.bytes);
    whole.number(fingerprint(payload.bytes));
    whole.bytes += payload.bytes;
    write_atomically(file, whole.bytes);
}

template <class T>
Checkpoint<T> load_checkpoint(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) fail("the checkpoint cannot be read", file, std::strerror(errno), "check the path");
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    Reader reader{file, bytes};
    std::uint64_t found, length, checksum;
    if (bytes.size() >= sizeof(found)) reader.number(found);
    if (bytes.size() < sizeof(found) || found != mark)
        fail("the file is no checkpoint", file, "it begins with other bytes", "name another one");
    reader.number(length);
    reader.number(checksum);
    if (reader.bytes.size() != length)
        damaged(file, "it has " + std::to_string(bytes.size()) + " bytes of " +
                          std::to_string(length + header_bytes));
    if (fingerprint(reader.bytes) != checksum) damaged(file, "its checksum is another");
    std::uint64_t size;
    reader.number(size);
    if (size != sizeof(T))
        fail("the checkpoint has numbers of another type", file,
             std::string(size == 4 ? "float" : "double") + ", not " + name_of<T>,
             "go on with that type");
    Checkpoint<T> checkpoint;
    pass(reader, checkpoint);
    if (!reader.bytes.empty()) damaged(file, "it goes on after its end");
    return checkpoint;
}

template <class T>
Result<T> minimize_with_checkpoints(const Problem<T>& problem, const std::vector<T>& x0,
                                    const Options& options, const CheckpointOptions& checkpoints,
                                    const std::type_identity_t<IterateCallback<T>>& callback) {
    Communicator* const communicator = communicator_of(problem.parts().ranks.get());
    const bool is_first = !communicator || communicator->rank() == 0;
    Checkpoint<T> at;  // where the segment begins
    in_step(communicator, [&] {
        if (checkpoints.file.empty())
            throw InvalidArgument(
                "there is no file for checkpoints (its name is empty) name one, or call "
                "minimize()");
        if (checkpoints.every < 1)
            throw InvalidArgument("the distance of checkpoints is invalid (" +
                                  std::to_string(checkpoints.every) +
                                  ") pass a number of iterations, at least 1");
        at.of = describe<T>(problem.dimension(), options, checkpoints);
        at.x = x0;
        Writer found;
        if (is_first && checkpoints.resume && std::filesystem::exists(checkpoints.file)) {
            at = resumed<T>(checkpoints.file, at.of);
            if (communicator) pass(found, at);
        }
        if (!communicator) return;
        const std::string bytes = of_first(*communicator, found.bytes);
        if (is_first || bytes.empty()) return;
        Reader reader{checkpoints.file, bytes};
        pass(reader, at);
    });
    std::vector<IterationRecord> trace = at.trace;
    bool called = false;
    for (;;) {
        Options segment = options;
        segment.keep_trace = false;
        segment.callback = {};
        // Other random numbers in each.
        segment.seed = options.seed + static_cast<std::uint64_t>(at.iterations);
        segment.max_iterations =
            std::clamp(options.max_iterations - at.iterations, 0, checkpoints.every);
        segment.max_evaluations = std::max(options.max_evaluations - at.counts.evaluations, 1L);
        segment.time_limit = std::max(options.time_limit - at.seconds.total, 0.0);
        if (at.iterations > 0) {
            segment.initial_radius = at.radius;
            if (options.relative_gradient_tolerance > 0) {
                segment.relative_gradient_tolerance = 0;
                segment.gradient_tolerance =
                    std::max(options.gradient_tolerance.value_or(0),
                             options.relative_gradient_tolerance * at.first_gradient_norm);
            }
        }
        const auto goes_on = [&](const Iterate<T>& iterate) {
            if (at.iterations == 0 && iterate.iteration == 0)
                at.first_gradient_norm = iterate.gradient_norm;
            const bool is_seam = iterate.iteration == 0 && at.iterations > 0;
            if (is_seam && called) return true;
            called = true;
            Iterate<T> whole = iterate;
            whole.iteration += at.iterations;
            whole.counts = sum(at.counts, iterate.counts);
            whole.seconds += at.seconds.total;
            if (options.keep_trace && !is_seam) trace.push_back(whole);
            if (options.callback && !options.callback(whole)) return false;
            return !callback || callback(whole);
        };
        // Options that are wrong are found out with the first segment.
        Result<T> result = minimize(problem, at.x, segment, IterateCallback<T>(goes_on));
        const bool is_whole =
            result.status == Status::max_iterations && result.iterations == checkpoints.every;
        result.iterations += at.iterations;
        result.counts = sum(at.counts, result.counts);
        result.seconds = sum(at.seconds, result.seconds);
        if (is_whole) {
            at.x = result.x;
            at.f = static_cast<double>(result.f);
            at.gradient_norm = result.gradient_norm;
            at.radius = result.radius;
            at.iterations = result.iterations;
            at.counts = result.counts;
            at.seconds = result.seconds;
            at.trace = trace;
            in_step(communicator, [&] {
                if (is_first) save_checkpoint(checkpoints.file, at);
                if (!communicator) return;
                // What is left of a limit is the same on all.
                const std::string seconds =
                    of_first(*communicator,
                             {reinterpret_cast<const char*>(&at.seconds), sizeof(PhaseTimes)});
                std::memcpy(&at.seconds, seconds.data(), seconds.size());
            });
            if (at.iterations < options.max_iterations) continue;
        }
        result.trace = std::move(trace);
        return result;
    }
}

#define CUNEWTON_INSTANTIATE(T)                                                            \
    template void save_checkpoint(const std::string&, const Checkpoint<T>&);               \
    template Checkpoint<T> load_checkpoint(const std::string&);                            \
    template Result<T> minimize_with_checkpoints(const Problem<T>&, const std::vector<T>&, \
                                                 const Options&, const CheckpointOptions&, \
                                                 const IterateCallback<T>&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
