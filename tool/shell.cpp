#include "tool/shell.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <set>

#include "cunewton/error.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

volatile sig_atomic_t received_signal = 0;
bool held = false;
/// What is being written, for the signal handler; empty: nothing.
char temporary_name[4096] = "";

void on_signal(int signal) {
    if (received_signal) {
        if (temporary_name[0]) unlink(temporary_name);
        _exit(128 + signal);
    }
    received_signal = signal;
}

[[noreturn]] void cannot_write(const std::string& path) {
    throw FileError("the file cannot be written ('" + path + "': " + std::strerror(errno) +
                    ") check the path, its permissions and the space there");
}

}  // namespace

void catch_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;  // without SA_RESTART: reading from a pipe ends too
    for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
}

bool was_interrupted() {
    return received_signal != 0;
}

int interrupted_status() {
    return 128 + received_signal;
}

void check_signals() {
    if (received_signal && !held) throw Interrupted{received_signal};
}

void hold_signals() {
    held = true;
}

void release_signals() {
    held = false;
}

bool signals_are_held() {
    return held;
}

Replacement::Replacement(const std::string& path)
    : path_(path), temporary_(path + ".tmp." + std::to_string(getpid())) {
    if (temporary_.size() >= sizeof(temporary_name)) return;
    // The first letter comes last: the handler sees the whole name or none.
    std::memcpy(temporary_name + 1, temporary_.c_str() + 1, temporary_.size());
    std::atomic_signal_fence(std::memory_order_release);
    temporary_name[0] = temporary_[0];
}

Replacement::~Replacement() {
    unlink(temporary_.c_str());
    temporary_name[0] = 0;
}

void Replacement::commit() {
    check_signals();
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) cannot_write(path_);
}

void write_file(const std::string& path, std::string_view bytes) {
    Replacement replacement(path);
    const int file =
        open(replacement.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) cannot_write(path);
    bool done = true;
    while (done && !bytes.empty() && (!received_signal || held)) {
        const ssize_t written = write(file, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else
            done = errno == EINTR;
    }
    const int error = errno;
    done = close(file) == 0 && done;
    check_signals();
    if (!done) {
        if (error) errno = error;
        cannot_write(path);
    }
    replacement.commit();
}

Progress::Progress(When when) : when_(when), is_terminal_(isatty(STDERR_FILENO) == 1) {}

bool Progress::is_due() const {
    if (when_ == When::never) return false;
    const Clock::time_point now = Clock::now();
    if (when_ == When::automatic && now - begin_ < std::chrono::seconds(1)) return false;
    if (is_terminal_) return !is_there_ || now - last_ > std::chrono::milliseconds(100);
    return when_ == When::always || last_ == begin_ || now - last_ > std::chrono::seconds(5);
}

void Progress::print(const std::string& text) {
    last_ = Clock::now();
    if (is_terminal_) {
        std::fprintf(stderr, "\r\033[K%s", text.c_str());
        std::fflush(stderr);
        is_there_ = true;
    } else {
        std::fprintf(stderr, "%s\n", text.c_str());
    }
}

void Progress::clear() {
    if (!is_there_) return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    is_there_ = false;
}

void note(const std::string& text) {
    static std::set<std::string> written;
    if (written.insert(text).second) std::cerr << "note: " << text << '\n';
}

std::string size_text(std::size_t bytes) {
    if (bytes < 1000) return std::to_string(bytes) + " bytes";
    const double size = static_cast<double>(bytes);
    return bytes < 1000000 ? format("%.0f kB", size * 1e-3) : format("%.0f MB", size * 1e-6);
}

}  // namespace cunewton::tool
