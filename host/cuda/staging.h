// The way of the caller's arrays to the device.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "host/backend/thread_pool.h"
#include "host/cuda/resources.h"

namespace cunewton::cuda {

/// Copies from pageable host memory to the device, in pieces through a ring of page-locked buffers,
/// so that one piece is copied on the host while others are on their way. The driver copies rows
/// from pageable memory one by one, and a page-locked copy of all data is dear:
/// docs/performance.md.
class Staging {
  public:
    /// threads: of the host, that copy once so much has been sent that it is worth starting them;
    /// <= 0: as many as are useful.
    explicit Staging(int threads) : threads_(threads) {}
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    /// Queues the copy of `bytes` on the stream. `from` has been read on return.
    void upload(void* to, const void* from, std::size_t bytes, cudaStream_t stream);
    /// The same of rows that begin `pitch` bytes apart on the host and follow each other on the
    /// device.
    void upload_rows(void* to, const void* from, std::size_t row_bytes, std::size_t pitch,
                     long rows, cudaStream_t stream);
    /// Numbers number(0), number(1), ..., one after the other.
    template <class T, class Number>
    void upload_numbers(T* to, long count, const Number& number, cudaStream_t stream) {
        constexpr long piece_numbers = static_cast<long>(piece_bytes / sizeof(T));
        for (long done = 0; done < count;) {
            const long size = std::min(piece_numbers, count - done);
            const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(T);
            T* const piece = reinterpret_cast<T*>(reserve(bytes, stream));
            for (long k = 0; k < size; ++k) piece[k] = number(done + k);
            send(to + done, reinterpret_cast<const char*>(piece), bytes);
            done += size;
        }
    }
    /// Page-locked memory that is taken, at most.
    static constexpr std::size_t most_bytes() { return buffer_count * piece_bytes; }

  private:
    static constexpr std::size_t piece_bytes = std::size_t{2} << 20;
    static constexpr std::size_t buffer_count = 4;

    struct Buffer {
        PinnedArray<char> memory;
        OwnedEvent sent;                ///< its last copy has been made
        cudaStream_t stream = nullptr;  ///< of its copies
        std::size_t used = 0;
    };

    char* reserve(std::size_t bytes, cudaStream_t stream);
    void send(void* to, const char* piece, std::size_t bytes);
    void copy_rows(char* to, const char* from, std::size_t row_bytes, std::size_t pitch, long rows);

    std::array<Buffer, buffer_count> buffers_;
    std::size_t current_ = 0;
    int threads_;
    std::size_t sent_bytes_ = 0;
    std::optional<ThreadPool> pool_;
};

}  // namespace cunewton::cuda
