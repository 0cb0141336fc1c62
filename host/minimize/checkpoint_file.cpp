#include "host/minimize/checkpoint_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <vector>

namespace cunewton {

namespace {

/// A file is this number, the payload's length, its fingerprint and the payload. Read by a machine
/// with another order of bytes it is another number. Its last byte is the format.
constexpr std::uint64_t mark = 0x34746e696f706b63;  // "ckpoint4"
constexpr std::size_t header_bytes = 3 * sizeof(std::uint64_t);

[[noreturn]] void fail(const std::string& what, const std::string& file, const std::string& why,
                       const std::string& what_to_do) {
    throw FileError(what + " ('" + file + "': " + why + ") " + what_to_do);
}
[[noreturn]] void damaged(const std::string& file, const std::string& why) {
    fail("the checkpoint is damaged", file, why, "delete it to begin anew");
}
[[noreturn]] void cannot_write(const std::string& file, int error) {
    fail("the checkpoint cannot be written", file, std::strerror(error),
         "check the path, its permissions and the space there");
}

/// By the names of all members: a new one that is left out does not compile.
template <class T>
void pass_checkpoint(State<T>& state, Checkpoint<T>& checkpoint) {
    auto& [of, x0, x, f, first_f, gradient_norm, first_gradient_norm, radius, iterations, counts,
           seconds, trace] = checkpoint;
    state(of, x0, x, f, first_f, gradient_norm, first_gradient_norm, radius, iterations);
    pass_counts(state, counts);
    auto& [evaluate, hessian, factorize, total] = seconds;
    state(evaluate, hessian, factorize, total);
    state.length(trace);
    for (IterationRecord& record : trace) pass_record(state, record);
}

std::uint64_t fingerprint(std::string_view bytes) {
    return cunewton::fingerprint(std::as_bytes(std::span(bytes)));
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

/// The error's number, or 0. Nothing is left of what could not be written whole.
int try_to_write(const std::string& temporary, const std::string& file,
                 std::initializer_list<std::string_view> parts) {
    const Descriptor out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!out.is_open()) return errno;
    const bool written = [&] {
        for (const std::string_view part : parts)
            if (!write_all(out.number(), part)) return false;
        return ::fsync(out.number()) == 0 && std::rename(temporary.c_str(), file.c_str()) == 0;
    }();
    const int error = written ? 0 : errno;
    if (!written) ::unlink(temporary.c_str());
    return error;
}

/// As CheckpointFile::save() says.
void write_atomically(const std::string& file, std::initializer_list<std::string_view> parts) {
    if (const int error = try_to_write(file + ".tmp", file, parts)) cannot_write(file, error);
    // The new name, too. Some file systems cannot do that, and do not lose it.
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    const Descriptor directory(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.is_open()) ::fsync(directory.number());
}

/// Before hours of work are lost.
void require_writable(const std::string& file) {
    std::error_code none;
    if (std::filesystem::is_directory(file, none)) cannot_write(file, EISDIR);
    const std::string temporary = file + ".tmp";
    const Descriptor out(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (!out.is_open()) cannot_write(file, errno);
    ::unlink(temporary.c_str());
}

template <class T>
constexpr const char* name_of = sizeof(T) == 4 ? "float" : "double";

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

/// The payload.
std::string read_file(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) fail("the checkpoint cannot be read", file, std::strerror(errno), "check the path");
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    State<double> header(nullptr, bytes, file);
    std::uint64_t found = 0, length = 0, checksum = 0;
    if (bytes.size() >= sizeof(found)) header(found);
    constexpr int last_byte = 56;
    if ((found ^ mark) << 8 != 0 || bytes.size() < sizeof(found))
        fail("the file is no checkpoint", file, "it begins with other bytes", "name another one");
    if (found != mark)
        fail("the checkpoint is of another version of the library", file,
             std::string("its format is ") + static_cast<char>(found >> last_byte) + ", not " +
                 static_cast<char>(mark >> last_byte),
             "go on with that version, or delete it to begin anew");
    header(length, checksum);
    if (header.left().size() != length)
        damaged(file, "it has " + std::to_string(bytes.size()) + " bytes of " +
                          std::to_string(length + header_bytes));
    if (fingerprint(header.left()) != checksum) damaged(file, "its checksum is another");
    bytes.erase(0, header_bytes);
    return bytes;
}

template <class T>
typename CheckpointFile<T>::Found parse(std::string_view payload, const std::string& file) {
    State<T> reader(nullptr, payload, file);
    std::uint64_t size = 0;
    reader(size);
    if (size != sizeof(T))
        fail("the checkpoint has numbers of another type", file,
             sizeof(T) == 8 ? "float, not double" : "double, not float", "go on with that type");
    typename CheckpointFile<T>::Found found;
    pass_checkpoint(reader, found.at);
    found.state = reader.left();
    return found;
}

/// What a description says beside another one; all of it where that is nothing.
std::string without(const std::string& description, const std::string& other) {
    const auto parts_of = [](const std::string& text) {
        std::vector<std::string> parts;
        std::istringstream in(text);
        for (std::string part; std::getline(in, part, ',');) {
            part.erase(0, part.find_first_not_of(' '));
            parts.push_back(std::move(part));
        }
        return parts;
    };
    const std::vector<std::string> others = parts_of(other);
    std::string left;
    for (const std::string& part : parts_of(description))
        if (std::ranges::find(others, part) == others.end())
            left += (left.empty() ? "" : ", ") + part;
    return left.empty() ? description : left;
}

std::uint64_t hash_of(const auto& numbers) {
    return cunewton::fingerprint(std::as_bytes(std::span(numbers)));
}

}  // namespace

std::uint64_t fingerprint(std::span<const std::byte> bytes, std::uint64_t before) {
    for (const std::byte byte : bytes)
        before = (before ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
    return before;
}

template <class T>
std::string describe_run(long n, long samples, const Options& options) {
    const DerivativeOptions& derivatives = options.derivatives;
    std::ostringstream text;
    text.precision(17);
    text << options.checkpoint.of << (options.checkpoint.of.empty() ? "" : ", ")
         << name_of<T> << ", " << n << " parameters, " << samples << " samples, "
         << to_string(options.method) << ", gradient by " << to_string(derivatives.gradient)
         << ", Hessian by " << to_string(derivatives.hessian)
         << (derivatives.hessian_precision == HessianPrecision::single ? " in float" : "")
         << ", preconditioned by " << to_string(options.precondition) << ", nystrom_rank "
         << options.nystrom_rank << ", line search " << static_cast<int>(options.line_search)
         << ", descent step " << static_cast<int>(options.descent_step) << " of "
         << options.curvature_interval << ", boundary " << static_cast<int>(options.boundary)
         << " of " << options.lanczos_vectors << ", subspace_dimension "
         << options.subspace_dimension << ", lbfgs_pairs " << options.lbfgs_pairs
         << ", relative_step " << derivatives.relative_step << ", memory_budget "
         << derivatives.memory_budget << ", gradient_tolerance "
         << options.gradient_tolerance.value_or(0) << " and " << options.relative_gradient_tolerance
         << ", initial_radius " << options.initial_radius << ", samples of a step "
         << options.sampling.size << ", learning rate " << options.sampling.learning_rate << " by "
         << options.sampling.rate_samples << " each " << options.sampling.rate_interval
         << ", momentum " << options.sampling.momentum << ", seed " << options.seed << std::hex;
    const auto also = [&](const char* name, const auto& numbers) {
        if (!numbers.empty()) text << ", " << name << ' ' << hash_of(numbers);
    };
    also("typical_x", derivatives.typical_x);
    also("blocks", options.blocks);
    also("lower", options.lower);
    also("upper", options.upper);
    also("fixed", std::vector<char>(options.fixed.begin(), options.fixed.end()));
    also("constraints", options.constraints.A);
    also("constraints' right-hand sides", options.constraints.b);
    return text.str();
}

template <class T>
CheckpointFile<T>::CheckpointFile(const CheckpointOptions& options, std::string of,
                                  Communicator* ranks)
    : options_(options), of_(std::move(of)), ranks_(ranks) {
    if (options.every < 1)
        throw InvalidArgument("checkpoint.every is too small (" + std::to_string(options.every) +
                              ") pass a number of iterations, at least 1");
    if (is_first()) require_writable(options.file);
}

template <class T>
typename CheckpointFile<T>::Found CheckpointFile<T>::find() const {
    std::string payload;
    if (is_first() && options_.resume && std::filesystem::exists(name()))
        payload = read_file(name());
    Found found;
    if (!payload.empty()) {
        found = parse<T>(payload, name());
        if (found.state.empty())
            throw InvalidArgument("no run is resumed from the checkpoint ('" + name() +
                                  "' has a point and no state of a method) start from its x, and "
                                  "name another file");
        if (found.at.of != of_)
            throw InvalidArgument("the checkpoint is of another run ('" + name() +
                                  "' is of: " + without(found.at.of, of_) +
                                  "; this is: " + without(of_, found.at.of) +
                                  ") pass what it was made with, or another file");
    }
    if (!ranks_) return found;
    payload = of_first(*ranks_, payload);
    if (!is_first() && !payload.empty()) found = parse<T>(payload, name());
    return found;
}

namespace {
template <class T>
void write(const std::string& file, Checkpoint<T> at, std::string_view state) {
    State<T> payload(nullptr);
    std::uint64_t size = sizeof(T);
    payload(size);
    pass_checkpoint(payload, at);
    const std::string_view both[] = {payload.bytes(), state};
    std::uint64_t first = mark, length = 0, checksum = cunewton::fingerprint({});
    for (const std::string_view part : both) {
        length += part.size();
        checksum = cunewton::fingerprint(std::as_bytes(std::span(part)), checksum);
    }
    State<T> header(nullptr);
    header(first, length, checksum);
    write_atomically(file, {header.bytes(), both[0], both[1]});
}
}  // namespace

template <class T>
void CheckpointFile<T>::save(Checkpoint<T> at, std::string_view state) const {
    if (!is_first()) return;
    at.of = of_;
    write(name(), std::move(at), state);
}

template <class T>
void save_checkpoint(const std::string& file, const Checkpoint<T>& checkpoint) {
    write(file, checkpoint, {});
}

template <class T>
Checkpoint<T> load_checkpoint(const std::string& file) {
    return parse<T>(read_file(file), file).at;
}

#define CUNEWTON_INSTANTIATE(T)                                              \
    template class CheckpointFile<T>;                                        \
    template std::string describe_run<T>(long, long, const Options&);        \
    template void save_checkpoint(const std::string&, const Checkpoint<T>&); \
    template Checkpoint<T> load_checkpoint(const std::string&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
