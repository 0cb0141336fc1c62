// Pictures by gnuplot.
#pragma once

#include <string>
#include <vector>

#include "tool/shell.h"

namespace cunewton::tool {

/// Okabe and Ito 2008: told apart by the colour-blind too.
inline constexpr const char* colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                          "#E69F00", "#56B4E9", "#000000", "#888888"};

/// Between single quotes, as gnuplot reads it; printable().
std::string in_quotes(const std::string& text);

/// A script for gnuplot with its data, and the file that it draws: FILE.svg or FILE.png, or with
/// FILE.gp the script itself, which draws FILE.svg.
class Picture {
  public:
    /// Throws InvalidArgument for another ending, or where there is no gnuplot: before work that
    /// would be lost. Sizes in pixels.
    explicit Picture(const std::string& file);

    /// Lines of gnuplot.
    Picture& operator<<(const std::string& lines) {
        script_ += lines;
        return *this;
    }
    /// Numbers as a block of data; returns the name that it is plotted by. NaN: nothing there.
    std::string data(const std::vector<std::vector<double>>& rows);
    /// A matrix, row by row, for `matrix with image`.
    std::string matrix(const std::vector<double>& values, long rows, long columns);
    std::string block(const std::string& lines);
    void size(int width, int height);
    const std::string& file() const { return file_; }
    /// Draws, and says so on stderr. Throws FileError; Interrupted.
    void draw();

  private:
    std::string terminal(const std::string& ending) const;

    std::string file_, ending_, blocks_, script_;
    int width_ = 900, height_ = 600, count_ = 0;
};

/// Lines that set what all pictures have in common: the grid, borders, tics outside.
std::string plain_style();
/// Lines that set the palette: viridis (Smith and van der Walt 2015) from low to high, or blue,
/// white and red around zero (Moreland 2009).
std::string sequential_palette();
std::string diverging_palette();

}  // namespace cunewton::tool
