#pragma once

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>

namespace cunewton::train_mlp {

/// A line on a terminal that is written over and over.
class ProgressBar {
  public:
    ProgressBar(std::ostream& to, bool is_shown) : to_(to), is_shown_(is_shown) {}
    ~ProgressBar() { clear(); }
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    /// part: done of all, 0 to 1.
    void show(const std::string& name, double part, const std::string& text) {
        if (!is_shown_) return;
        constexpr int width = 30;
        const int full = static_cast<int>(std::lround(width * std::clamp(part, 0.0, 1.0)));
        clear();
        to_ << name << " [" << std::string(full, '#') << std::string(width - full, '.') << "] "
            << text << std::flush;
        is_there_ = true;
    }
    /// Makes room for another line.
    void clear() {
        if (is_there_) to_ << "\r\033[K" << std::flush;
        is_there_ = false;
    }

  private:
    std::ostream& to_;
    const bool is_shown_;
    bool is_there_ = false;
};

}  // namespace cunewton::train_mlp
