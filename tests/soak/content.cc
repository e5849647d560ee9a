#include "tests/soak/content.hh"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "tests/soak/random.hh"

namespace soak {

namespace {

constexpr std::uint64_t kBlockMagic = 0x6b636f6c626b616f;   // "oakblock"
constexpr std::uint64_t kRecordMagic = 0x64726f6365726b6f;  // "okrecord"
constexpr std::size_t kShortRecord = 64;  // up to this size a record's first byte is its size

struct BlockHead {
    std::uint64_t magic = kBlockMagic;
    Origin origin;
    std::uint64_t offset = 0;
};
/// Behind a first byte 0.
struct RecordHead {
    std::uint64_t magic = kRecordMagic;
    Origin origin;
    std::uint64_t size = 0;
};

/// What follows a head: numbers that follow from all of it.
void fill_rest(std::span<std::byte> rest, std::uint64_t seed) {
    while (!rest.empty()) {
        seed += 0x9e3779b97f4a7c15;
        const auto word = mixed(seed);
        const auto size = std::min(rest.size(), sizeof word);
        std::memcpy(rest.data(), &word, size);
        rest = rest.subspan(size);
    }
}

template <class Head>
std::uint64_t seed_of(const Head& head) {
    return hash_of(std::as_bytes(std::span(&head, 1)));
}

void make_block(std::span<std::byte> block, const BlockHead& head) {
    const auto size = std::min(block.size(), sizeof head);
    std::memcpy(block.data(), &head, size);
    fill_rest(block.subspan(size), seed_of(head));
}

bool is_blank(View bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

std::string fault_of_block(View block, std::uint64_t offset) {
    BlockHead head;
    if (block.size() < sizeof head || is_blank(block))
        return {};
    std::memcpy(&head, block.data(), sizeof head);
    const auto place = "the block at " + std::to_string(offset);
    if (head.magic != kBlockMagic)
        return place + " is none that a primary wrote";
    if (head.offset != offset)
        return place + " belongs to offset " + std::to_string(head.offset);
    Bytes wanted(block.size());
    make_block(wanted, head);
    const auto differs = std::mismatch(block.begin(), block.end(), wanted.begin()).first;
    if (differs == block.end())
        return {};
    return place + " of write " + std::to_string(head.origin.counter) + " differs at its byte " +
           std::to_string(differs - block.begin());
}

std::size_t record_size(View bytes) {
    if (bytes.empty())
        throw std::runtime_error("no record");
    const auto first = std::to_integer<std::size_t>(bytes[0]);
    if (first != 0)
        return first;
    RecordHead head;
    if (bytes.size() < 1 + sizeof head)
        return bytes.size() + 1;  // it reaches over the end
    std::memcpy(&head, bytes.data() + 1, sizeof head);
    if (head.magic != kRecordMagic)
        throw std::runtime_error("a record that no primary wrote");
    return head.size;
}

}  // namespace

std::uint64_t hash_of(View bytes) {
    std::uint64_t hash = 0x243f6a8885a308d3 ^ bytes.size();
    const auto add = [&hash](std::uint64_t word) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    };
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data(), 8);
        add(word);
    }
    std::uint64_t last = 0;
    if (!bytes.empty())
        std::memcpy(&last, bytes.data(), bytes.size());
    add(last);
    return mixed(hash);
}

void fill_block(Bytes& image, std::uint64_t offset, const Origin& origin) {
    const auto size = std::min<std::uint64_t>(kBlock, image.size() - offset);
    make_block(std::span(image).subspan(offset, size), {kBlockMagic, origin, offset});
}

std::string fault_of_image(View image) {
    for (std::uint64_t offset = 0; offset < image.size(); offset += kBlock) {
        const auto size = std::min<std::uint64_t>(kBlock, image.size() - offset);
        if (auto fault = fault_of_block(image.subspan(offset, size), offset); !fault.empty())
            return fault;
    }
    return {};
}

Bytes make_record(std::size_t size, const Origin& origin) {
    Bytes record(size);
    const RecordHead head{kRecordMagic, origin, size};
    if (size <= kShortRecord) {
        record[0] = static_cast<std::byte>(size);
        fill_rest(std::span(record).subspan(1), seed_of(head));
        return record;
    }
    std::memcpy(record.data() + 1, &head, sizeof head);
    fill_rest(std::span(record).subspan(1 + sizeof head), seed_of(head));
    return record;
}

std::string fault_of_record(View record) {
    try {
        if (record_size(record) != record.size())
            return "a record of " + std::to_string(record.size()) + " bytes that says it has " +
                   std::to_string(record_size(record));
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    if (record.size() <= kShortRecord)
        return {};
    RecordHead head;
    std::memcpy(&head, record.data() + 1, sizeof head);
    const auto wanted = make_record(record.size(), head.origin);
    if (std::equal(record.begin(), record.end(), wanted.begin()))
        return {};
    return "the record of append " + std::to_string(head.origin.counter) + " is not as it was made";
}

std::vector<View> split_records(View bytes) {
    std::vector<View> records;
    while (!bytes.empty()) {
        const auto size = record_size(bytes);
        if (size > bytes.size())
            throw std::runtime_error("a record that is cut: " + std::to_string(size) + " bytes, and " +
                                     std::to_string(bytes.size()) + " are there");
        records.push_back(bytes.first(size));
        bytes = bytes.subspan(size);
    }
    return records;
}

}  // namespace soak
