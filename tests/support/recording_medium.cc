#include "tests/support/recording_medium.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pmemckpt::test {

namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kBlockBytes = 4096;

void mix_block(const Image& stored, Image& image, std::size_t block, std::size_t end,
               std::mt19937_64& generator) {
    for (std::size_t at = block; at < end; at += kLineBytes) {
        const auto size = std::min(kLineBytes, end - at);
        if (generator() & 1)
            std::memcpy(image.data() + at, stored.data() + at, size);
    }
}

}  // namespace

Status RecordingMedium::persist(Extent extent) {
    if (tape_->read_only)
        return fail(EROFS, "the medium is for reading only");
    require(fits(extent, {tape_->stored.size()}), "a persist lies within the medium");
    ++tape_->persists;
    if (tape_->before_persist)
        tape_->before_persist(extent);
    if (const int code = tape_->persist_result ? tape_->persist_result(extent) : 0)
        return fail_errno(code, "persist of {} bytes at {}", extent.size.bytes, extent.at.bytes);
    if (!tape_->durable.empty() && extent.at.bytes < tape_->lies_from && extent.size.bytes > 0)
        std::memcpy(tape_->durable.data() + extent.at.bytes, tape_->stored.data() + extent.at.bytes,
                    extent.size.bytes);
    if (tape_->after_persist)
        tape_->after_persist(extent);
    return {};
}

Status RecordingMedium::blank(Extent extent) {
    if (tape_->read_only)
        return fail(EROFS, "the medium is for reading only");
    require(fits(extent, {tape_->stored.size()}), "what is blanked lies within the medium");
    if (const int code = tape_->blank_result ? tape_->blank_result(extent) : 0)
        return fail_errno(code, "blanking {} bytes at {}", extent.size.bytes, extent.at.bytes);
    std::fill_n(tape_->stored.begin() + static_cast<std::ptrdiff_t>(extent.at.bytes), extent.size.bytes,
                std::byte{0});
    return {};
}

Image cut(const Tape& tape, Reached reached, std::mt19937_64& generator) {
    if (reached == Reached::all)
        return tape.stored;
    Image image = tape.durable;
    if (reached == Reached::durable)
        return image;
    for (std::size_t block = 0; block < image.size(); block += kBlockBytes) {
        const auto end = std::min(block + kBlockBytes, image.size());
        if (std::memcmp(image.data() + block, tape.stored.data() + block, end - block) != 0)
            mix_block(tape.stored, image, block, end, generator);
    }
    return image;
}

}  // namespace pmemckpt::test
