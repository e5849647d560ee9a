#include "tests/soak/image.hh"

#include <algorithm>

namespace soak {

std::uint64_t Images::size() {
    const auto kind = random_.below(100);
    if (kind < 6)
        return 0;
    if (kind < 20)
        return random_.between(1, 200);
    if (kind < 70)
        return random_.between(1, 64 * 1024);
    if (kind < 95)
        return random_.between(1, 512 * 1024);
    return random_.between(1, 3 * 1024 * 1024);
}

Image Images::next(bool may_clone) {
    return may_clone && random_.percent(50) ? changed() : whole();
}

/// Neighbours become one range.
void Images::write_block(Image& image, std::uint64_t offset) {
    fill_block(image.bytes, offset, {writer_, counter_});
    const auto length = std::min<std::uint64_t>(kBlock, image.bytes.size() - offset);
    auto& written = image.written;
    if (!written.empty() && written.back().offset + written.back().length == offset)
        written.back().length += length;
    else
        written.push_back({offset, length});
}

Image Images::whole() {
    Image image;
    image.bytes.resize(size());
    ++counter_;
    const unsigned holes = random_.percent(20) ? 20 : 0;
    for (std::uint64_t offset = 0; offset < image.bytes.size(); offset += kBlock)
        if (!random_.percent(holes))
            write_block(image, offset);
    return image;
}

Image Images::changed() {
    Image image;
    image.is_clone = true;
    image.bytes = last_;
    ++counter_;
    if (random_.percent(30))
        image.bytes.resize(size());
    // A block that was cut short and has got longer would be half old, half zero.
    const bool grew = image.bytes.size() > last_.size();
    const auto last_block = last_.size() / kBlock * kBlock;
    const auto share = static_cast<unsigned>(random_.between(1, 30));
    for (std::uint64_t offset = 0; offset < image.bytes.size(); offset += kBlock)
        if (random_.percent(share) || (grew && offset == last_block))
            write_block(image, offset);
    return image;
}

Bytes Images::record() {
    const auto kind = random_.below(100);
    std::size_t size = random_.between(1, 300);
    if (kind >= 97)
        size = random_.between(1, 200'000);
    else if (kind >= 80)
        size = random_.between(1, 8'000);
    return make_record(size, origin());
}

}  // namespace soak
