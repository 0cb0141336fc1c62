// What a program owes to the shell that it runs in: exit codes, Ctrl-C, files that are whole,
// progress.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace cunewton::tool {

/// Exit codes; of a signal 128 and its number. docs/tool.md has them.
enum Exit : int {
    success = 0,
    refused = 1,          ///< arguments or data are wrong, or a file cannot be read or written
    not_converged = 2,    ///< there is a result, and it is not what was asked for
    backend_missing = 3,  ///< the backend that was named cannot run here
};

/// Thrown by check_signals().
struct Interrupted {
    int signal;
};

/// The first SIGINT or SIGTERM is noticed by check_signals(); a second one ends the process, and
/// takes the file with it that is being written. What is written to a pipe that nobody reads is an
/// error and no signal.
void catch_signals();
/// Throws Interrupted if there was one.
void check_signals();
bool was_interrupted();
/// 128 and the number of the signal that there was.
int interrupted_status();
/// Until release_signals() a first signal ends nothing, whether it has come already or not: what is
/// done is written and told.
void hold_signals();
void release_signals();
bool signals_are_held();

/// The file has these bytes when it returns, and has been what it was until then: they are written
/// to another file beside it, which takes its name. Throws FileError; Interrupted.
void write_file(const std::string& path, std::string_view bytes);

/// A file beside `path` that is to take its place: written by others, then renamed by commit(), or
/// deleted.
class Replacement {
  public:
    explicit Replacement(const std::string& path);
    ~Replacement();
    Replacement(const Replacement&) = delete;
    Replacement& operator=(const Replacement&) = delete;
    const std::string& temporary() const { return temporary_; }
    /// Throws FileError if that cannot be done; Interrupted.
    void commit();

  private:
    std::string path_, temporary_;
};

/// Lines on stderr for work that takes more than a second: one that is written over and over on a
/// terminal, one each five seconds elsewhere.
class Progress {
  public:
    enum class When { automatic, always, never };

    explicit Progress(When when = When::automatic);
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    /// Ends by check_signals(). text: a function, called only if it is shown.
    template <class Text>
    void show(const Text& text) {
        check_signals();
        show_on(text);
    }
    /// The same without check_signals().
    template <class Text>
    void show_on(const Text& text) {
        if (is_due()) print(text());
    }
    void clear();

  private:
    bool is_due() const;
    void print(const std::string& text);

    using Clock = std::chrono::steady_clock;
    When when_;
    bool is_terminal_;
    Clock::time_point begin_ = Clock::now(), last_ = begin_;
    bool is_there_ = false;
};

/// A line on stderr that begins by "note: "; the same one is written once.
void note(const std::string& text);

/// "123 MB"
std::string size_text(std::size_t bytes);

}  // namespace cunewton::tool
