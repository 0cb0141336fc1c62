#include "tool/gnuplot.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>

#include "cunewton/error.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

bool has_gnuplot() {
    const char* const path = std::getenv("PATH");
    std::istringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (access(((folder.empty() ? "." : folder) + "/gnuplot").c_str(), X_OK) == 0) return true;
    return false;
}

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File temporary_file() {
    File file(std::tmpfile());
    if (!file)
        throw FileError(std::string("there is no temporary file (") + std::strerror(errno) +
                        ") check TMPDIR and the space there");
    return file;
}

/// Runs gnuplot on a script; returns what it said if it failed. Ctrl-C reaches it as well.
void run_gnuplot(const std::string& script) {
    const File input = temporary_file(), errors = temporary_file();
    if (std::fwrite(script.data(), 1, script.size(), input.get()) != script.size() ||
        std::fflush(input.get()) != 0)
        throw FileError("the picture's script cannot be written (" +
                        std::string(std::strerror(errno)) + ") check the space in /tmp");
    std::rewind(input.get());
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(input.get()), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(errors.get()), STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    char name[] = "gnuplot";
    char* arguments[] = {name, nullptr};
    pid_t child;
    const int spawned = posix_spawnp(&child, name, &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (spawned != 0)
        throw FileError(std::string("gnuplot does not start (") + std::strerror(spawned) +
                        ") install Debian's gnuplot-nox anew");
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno == EINTR && was_interrupted()) kill(child, SIGTERM);
    check_signals();
    std::rewind(errors.get());
    std::string said(2000, '\0');
    said.resize(std::fread(said.data(), 1, said.size(), errors.get()));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw FileError("gnuplot failed (" + said + ") pass FILE.gp to have the script");
}

}  // namespace

std::string in_quotes(const std::string& text) {
    std::string result = "'";
    for (const char c : printable(text)) {
        if (c == '\'') result += c;
        result += c;
    }
    return result + "'";
}

Picture::Picture(const std::string& file)
    : file_(file), ending_(std::filesystem::path(file).extension().string()) {
    if (ending_ != ".svg" && ending_ != ".png" && ending_ != ".gp")
        throw InvalidArgument("a picture is drawn as .svg or .png ('" + file +
                              "') name a file with one of these, or .gp for gnuplot's script");
    if (ending_ != ".gp" && !has_gnuplot())
        throw InvalidArgument(
            "there is no gnuplot to draw with (it is not in PATH) install Debian's gnuplot-nox, or "
            "name FILE.gp to draw elsewhere");
}

std::string Picture::data(const std::vector<std::vector<double>>& rows) {
    std::string lines;
    for (const std::vector<double>& row : rows) {
        for (std::size_t c = 0; c < row.size(); ++c) {
            if (c) lines += ' ';
            lines += std::isfinite(row[c]) ? format("%.9g", row[c]) : "NaN";
        }
        lines += '\n';
    }
    return block(lines);
}

std::string Picture::matrix(const std::vector<double>& values, long rows, long columns) {
    std::string lines;
    for (long i = 0; i < rows; ++i)
        for (long j = 0; j < columns; ++j) {
            const double value = values[static_cast<std::size_t>(i * columns + j)];
            lines += std::isfinite(value) ? format("%.6g", value) : "NaN";
            lines += j + 1 < columns ? ' ' : '\n';
        }
    return block(lines);
}

std::string Picture::block(const std::string& lines) {
    const std::string name = "$data" + std::to_string(++count_);
    blocks_ += name + " << END_OF_DATA\n" + lines + "END_OF_DATA\n";
    return name;
}

void Picture::size(int width, int height) {
    width_ = width;
    height_ = height;
}

std::string Picture::terminal(const std::string& ending) const {
    if (ending == ".png")
        return format("set terminal pngcairo size %d,%d font 'sans,11' background '#ffffff'\n",
                      width_, height_);
    return format("set terminal svg size %d,%d font 'sans-serif,15' background '#ffffff'\n", width_,
                  height_);
}

void Picture::draw() {
    const auto whole = [&](const std::string& ending, const std::string& output) {
        return "set encoding utf8\n" + terminal(ending) + "set output " + in_quotes(output) + "\n" +
               blocks_ + script_ + "unset output\n";
    };
    if (ending_ == ".gp") {
        std::filesystem::path drawn(file_);
        drawn.replace_extension(".svg");
        write_file(file_, whole(".svg", drawn.string()));
    } else {
        Replacement replacement(file_);
        {
            // gnuplot does not say where it cannot write.
            std::FILE* const test = std::fopen(replacement.temporary().c_str(), "w");
            if (!test)
                throw FileError("the file cannot be written ('" + file_ +
                                "': " + std::strerror(errno) +
                                ") check the path, its permissions and the space there");
            std::fclose(test);
        }
        run_gnuplot(whole(ending_, replacement.temporary()));
        replacement.commit();
    }
    std::cerr << (ending_ == ".gp" ? "script: " : "picture: ") << file_ << '\n';
}

std::string plain_style() {
    return "set border 3 linecolor '#444444'\n"
           "set tics nomirror out\n"
           "set grid linetype 1 linecolor '#e4e4e4' linewidth 1\n"
           "set key noenhanced\n";
}

std::string sequential_palette() {
    return "set palette defined (0 '#440154', 1 '#46327e', 2 '#365c8d', 3 '#277f8e', 4 '#1fa187', "
           "5 '#4ac16d', 6 '#a0da39', 7 '#fde725')\n";
}

std::string diverging_palette() {
    return "set palette defined (0 '#3b4cc0', 1 '#8db0fe', 2 '#f7f7f7', 3 '#f4987a', 4 "
           "'#b40426')\n";
}

}  // namespace cunewton::tool
