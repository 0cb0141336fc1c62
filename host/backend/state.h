// The state of a run as bytes: one pass over its parts writes them, and the same pass reads them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cunewton/error.h"
#include "host/backend/vectors.h"

namespace cunewton {

/// Parts are numbers, strings and vectors of them, buffers of a machine, and whatever has a member
/// pass(State<T>&) that passes its own.
template <class T>
class State {
  public:
    /// Writes. vectors: of the machine that buffers are of; null where there are none.
    explicit State(Vectors<T>* vectors) : vectors_(vectors) {}
    /// Reads, from bytes that outlive it. file: that they are of, for errors.
    State(Vectors<T>* vectors, std::string_view bytes, std::string file)
        : vectors_(vectors), reads_(true), left_(bytes), file_(std::move(file)) {}

    bool reads() const { return reads_; }
    /// What has been written.
    const std::string& bytes() const { return bytes_; }
    /// What has not been read yet.
    std::string_view left() const { return left_; }

    template <class... Parts>
    void operator()(Parts&... parts) {
        (pass(parts), ...);
    }
    /// A part that may be missing, an optional or a pointer that owns it: make() makes one.
    template <class Part, class Make>
    void optional(Part& part, const Make& make) {
        bool there = static_cast<bool>(part);
        pass(there);
        if (there && !part) make();
        if (!there) part.reset();
        if (part) pass(*part);
    }
    /// The length of a list, which reading makes as long.
    template <class List>
    void length(List& list) {
        std::uint64_t size = list.size();
        pass(size);
        if (!reads_) return;
        if (size > left_.size()) end_too_early();
        list.resize(static_cast<std::size_t>(size));
    }

  private:
    template <class Part>
    static constexpr bool is_plain = std::is_arithmetic_v<Part> || std::is_enum_v<Part>;

    template <class Part>
    void pass(Part& part) {
        using Plain = std::remove_const_t<Part>;
        if constexpr (is_plain<Plain>)
            raw(&part, sizeof(part));
        else if constexpr (std::is_same_v<Plain, Buffer<T>>)
            buffer(part);
        else
            part.pass(*this);
    }
    void pass(std::string& text) { numbers(text); }
    template <class V>
    void pass(std::vector<V>& values) {
        static_assert(is_plain<V> && !std::is_same_v<V, bool>);
        numbers(values);
    }
    template <class List>
    void numbers(List& list) {
        length(list);
        raw(list.data(), list.size() * sizeof(list[0]));
    }
    /// One that is not const may be empty, or is allocated by reading.
    template <class B>
    void buffer(B& buffer) {
        std::uint64_t size = buffer.size();
        pass(size);
        if (reads_ && size != buffer.size()) {
            if constexpr (!std::is_const_v<B>)
                buffer =
                    size > 0 ? vectors_->allocate(static_cast<std::size_t>(size)) : Buffer<T>();
            else
                throw FileError("the checkpoint does not fit this run ('" + file_ +
                                "': " + std::to_string(size) + " numbers of a part that has " +
                                std::to_string(buffer.size()) +
                                ") pass the problem and options that it was made with");
        }
        if (size == 0) return;
        // Bytes of a file are not aligned.
        std::vector<T> host(static_cast<std::size_t>(size));
        if (!reads_) vectors_->download(host.data(), buffer.get(), host.size());
        raw(host.data(), host.size() * sizeof(T));
        if (reads_) vectors_->upload(buffer.get(), host.data(), host.size());
    }
    template <class V>
    void raw(V* data, std::size_t size) {
        if (!reads_) {
            bytes_.append(reinterpret_cast<const char*>(data), size);
            return;
        }
        if (size > left_.size()) end_too_early();
        if constexpr (!std::is_const_v<V>)
            if (size > 0) std::memcpy(data, left_.data(), size);
        left_.remove_prefix(size);
    }
    [[noreturn]] void end_too_early() const {
        throw FileError("the checkpoint is damaged ('" + file_ +
                        "': it ends too early) delete it to begin anew");
    }

    Vectors<T>* vectors_;
    const bool reads_ = false;
    std::string bytes_;
    std::string_view left_;
    std::string file_;
};

}  // namespace cunewton
