#include "host/backend/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace cunewton {

int usable_processors() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) {
    const int wanted = size_for(threads);
    try {
        for (int t = 1; t < wanted; ++t) workers_.emplace_back([this, t] { work(t); });
    } catch (const std::system_error&) {
        // The system grants no more threads; results do not depend on their number.
    }
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    start_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::for_each(std::size_t count, const std::function<void(std::size_t, int)>& body) {
    if (workers_.empty() || count <= 1) {
        for (std::size_t item = 0; item < count; ++item) body(item, 0);
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        body_ = &body;
        count_ = count;
        next_ = 0;
        error_ = nullptr;
        running_ = static_cast<int>(workers_.size());
        ++round_;
    }
    start_.notify_all();
    run_items(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
    body_ = nullptr;
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void ThreadPool::work(int thread) {
    std::size_t seen = 0;
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            start_.wait(lock, [&] { return stop_ || round_ != seen; });
            if (stop_) return;
            seen = round_;
        }
        run_items(thread);
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) done_.notify_one();
    }
}

void ThreadPool::run_items(int thread) {
    for (;;) {
        std::size_t item;
        {
            const std::lock_guard lock(mutex_);
            if (next_ >= count_) return;
            item = next_++;
        }
        try {
            (*body_)(item, thread);
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!error_) error_ = std::current_exception();
            next_ = count_;
        }
    }
}

}  // namespace cunewton
