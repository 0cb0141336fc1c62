#include "host/cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace cunewton::cuda {

namespace {

constexpr std::size_t small_bytes = std::size_t{64} << 10;  // of a buffer that has sent no more yet
constexpr std::size_t alignment = 256;
constexpr std::size_t bytes_for_threads = std::size_t{16} << 20;
constexpr int most_threads = 4;

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

}  // namespace

Staging::~Staging() {
    for (const Buffer& buffer : buffers_)
        if (buffer.used > 0) static_cast<void>(cudaEventSynchronize(buffer.sent.get()));
}

/// A place for one copy: behind the last one, or in the next buffer once that has been sent.
char* Staging::reserve(std::size_t bytes, cudaStream_t stream) {
    Buffer* buffer = &buffers_[current_];
    if (buffer->used > 0 &&
        (buffer->stream != stream || buffer->used + bytes > buffer->memory.size())) {
        current_ = (current_ + 1) % buffers_.size();
        buffer = &buffers_[current_];
        if (buffer->used > 0)
            check(cudaEventSynchronize(buffer->sent.get()), "a copy to the device failed");
        buffer->used = 0;
    }
    if (!buffer->sent) buffer->sent = make_event();
    if (buffer->memory.size() < bytes) {
        buffer->memory = {};
        buffer->memory = PinnedArray<char>(bytes <= small_bytes ? small_bytes : piece_bytes);
    }
    buffer->stream = stream;
    char* const piece = buffer->memory.get() + buffer->used;
    buffer->used += round_up(bytes, alignment);
    return piece;
}

void Staging::send(void* to, const char* piece, std::size_t bytes) {
    const Buffer& buffer = buffers_[current_];
    check(cudaMemcpyAsync(to, piece, bytes, cudaMemcpyHostToDevice, buffer.stream),
          "a copy to the device failed");
    check(cudaEventRecord(buffer.sent.get(), buffer.stream), "a copy to the device failed");
    sent_bytes_ += bytes;
    if (pool_ || threads_ == 1 || sent_bytes_ < bytes_for_threads) return;
    const int processors = usable_processors();
    pool_.emplace(std::min({threads_ > 0 ? threads_ : most_threads, most_threads, processors}));
}

void Staging::copy_rows(char* to, const char* from, std::size_t row_bytes, std::size_t pitch,
                        long rows) {
    const auto copy = [&](long begin, long end) {
        for (long row = begin; row < end; ++row)
            std::memcpy(to + static_cast<std::size_t>(row) * row_bytes,
                        from + static_cast<std::size_t>(row) * pitch, row_bytes);
    };
    if (!pool_) return copy(0, rows);
    const long blocks = std::min<long>(rows, pool_->size());
    pool_->for_each(static_cast<std::size_t>(blocks), [&](std::size_t block, int) {
        const long b = static_cast<long>(block);
        copy(rows * b / blocks, rows * (b + 1) / blocks);
    });
}

void Staging::upload(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
    constexpr std::size_t share = std::size_t{64} << 10;  // what threads take one after the other
    const char* const source = static_cast<const char*>(from);
    for (std::size_t done = 0; done < bytes;) {
        const std::size_t size = std::min(piece_bytes, bytes - done), whole = size / share * share;
        char* const piece = reserve(size, stream);
        copy_rows(piece, source + done, share, share, static_cast<long>(whole / share));
        std::memcpy(piece + whole, source + done + whole, size - whole);
        send(static_cast<char*>(to) + done, piece, size);
        done += size;
    }
}

void Staging::upload_rows(void* to, const void* from, std::size_t row_bytes, std::size_t pitch,
                          long rows, cudaStream_t stream) {
    if (row_bytes == pitch)
        return upload(to, from, row_bytes * static_cast<std::size_t>(rows), stream);
    const char* source = static_cast<const char*>(from);
    char* target = static_cast<char*>(to);
    if (row_bytes > piece_bytes) {
        for (long row = 0; row < rows; ++row, source += pitch, target += row_bytes)
            upload(target, source, row_bytes, stream);
        return;
    }
    const long most = static_cast<long>(piece_bytes / row_bytes);
    for (long done = 0; done < rows;) {
        const long count = std::min(most, rows - done);
        const std::size_t bytes = row_bytes * static_cast<std::size_t>(count);
        char* const piece = reserve(bytes, stream);
        copy_rows(piece, source, row_bytes, pitch, count);
        send(target, piece, bytes);
        source += pitch * static_cast<std::size_t>(count);
        target += bytes;
        done += count;
    }
}

}  // namespace cunewton::cuda
