// Threads of one session or batch.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace cunewton {

/// How many processors the process may run on.
int usable_processors();

/// A fixed set of threads that run the items of a loop. Which thread runs which item is left open:
/// items must not depend on it, so that results are the same for any number of threads.
class ThreadPool {
  public:
    /// threads <= 0: as many as the process may run on.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    /// How many threads it then has, if the system grants them.
    static int size_for(int threads) { return threads > 0 ? threads : usable_processors(); }

    int size() const { return static_cast<int>(workers_.size()) + 1; }

    /// Calls body(item, thread) for 0 <= item < count with 0 <= thread < size(), and waits. The
    /// first exception that a call throws is rethrown here; items that have not begun are dropped.
    void for_each(std::size_t count, const std::function<void(std::size_t, int)>& body);

  private:
    void work(int thread);
    void run_items(int thread);

    std::vector<std::thread> workers_;
    std::mutex mutex_;
    std::condition_variable start_, done_;
    const std::function<void(std::size_t, int)>* body_ = nullptr;
    std::size_t count_ = 0, next_ = 0;
    int running_ = 0;
    std::size_t round_ = 0;
    bool stop_ = false;
    std::exception_ptr error_;
};

}  // namespace cunewton
