#pragma once
// An open file that is no sealed generation: it may change, so the kernel caches nothing of it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lib/base/result.hh"

namespace pmemckpt::view {

/// Threads: every call may come from any thread.
class Stream {
public:
    virtual ~Stream() = default;
    /// Fills `into`; less only at the end.
    virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) = 0;
    /// The same, for this one of the processes that have the file open.
    virtual Result<std::size_t> read_for(std::uint64_t /*owner*/, std::uint64_t offset,
                                         std::span<std::byte> into) {
        return read(offset, into);
    }
    /// That process closes one of its descriptors; there may be others.
    virtual Status close(std::uint64_t /*owner*/) { return {}; }
};

/// What was known when it was opened.
class TextStream : public Stream {
public:
    explicit TextStream(std::string text) : text_(std::move(text)) {}
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> into) override {
        const auto bytes = std::as_bytes(std::span(text_));
        const auto rest = bytes.subspan(std::min<std::uint64_t>(offset, bytes.size()));
        const auto part = rest.first(std::min(rest.size(), into.size()));
        std::copy(part.begin(), part.end(), into.begin());
        return part.size();
    }

private:
    const std::string text_;
};

}  // namespace pmemckpt::view
