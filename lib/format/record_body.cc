// Bodies of the journal's records. man/pmemckpt-format.5, RECORDS.
#include <cerrno>
#include <cstring>

#include "lib/base/units.hh"
#include "lib/format/little.hh"
#include "lib/format/record.hh"

namespace pmemckpt::format {

namespace {

struct RegionPutImage {
    LittleU64 id;
    LittleU64 next_number;
    LittleU64 epoch;
    LittleU64 max_size;
    LittleI64 created_ns;
    LittleI64 keep_age_ns;
    LittleU32 keep;
    LittleU16 name_bytes;
    LittleU16 owner_bytes;
    // then the name, the owner
};
static_assert(offsetof(RegionPutImage, next_number) == 8 && offsetof(RegionPutImage, epoch) == 16);
static_assert(offsetof(RegionPutImage, max_size) == 24 && offsetof(RegionPutImage, created_ns) == 32);
static_assert(offsetof(RegionPutImage, keep_age_ns) == 40 && offsetof(RegionPutImage, keep) == 48);
static_assert(offsetof(RegionPutImage, name_bytes) == 52 && offsetof(RegionPutImage, owner_bytes) == 54);
static_assert(sizeof(RegionPutImage) == 56);

/// Of a region's drop, and of its clear.
struct RegionIdImage {
    LittleU64 id;
};
static_assert(sizeof(RegionIdImage) == 8);

struct GenerationSealImage {
    LittleU64 region_id;
    LittleU64 number;
    LittleU64 length;
    LittleI64 sealed_ns;
    LittleU64 epoch;
    LittleU32 crc32c;
    LittleU32 extent_count;
    LittleU32 dropped_count;
    LittleU16 writer_bytes;
    std::uint8_t durability;
    std::uint8_t reserved;
    // then the extents, the dropped numbers, the writer
};
static_assert(offsetof(GenerationSealImage, number) == 8 && offsetof(GenerationSealImage, length) == 16);
static_assert(offsetof(GenerationSealImage, sealed_ns) == 24 && offsetof(GenerationSealImage, epoch) == 32);
static_assert(offsetof(GenerationSealImage, crc32c) == 40 &&
              offsetof(GenerationSealImage, extent_count) == 44);
static_assert(offsetof(GenerationSealImage, dropped_count) == 48);
static_assert(offsetof(GenerationSealImage, writer_bytes) == 52);
static_assert(offsetof(GenerationSealImage, durability) == 54 && sizeof(GenerationSealImage) == 56);

struct ExtentImage {
    LittleU32 start;
    LittleU32 count;
};
static_assert(offsetof(ExtentImage, count) == 4 && sizeof(ExtentImage) == 8);

struct GenerationDropImage {
    LittleU64 region_id;
    LittleU32 count;
    LittleU32 reserved;
    // then the numbers
};
static_assert(offsetof(GenerationDropImage, count) == 8 && sizeof(GenerationDropImage) == 16);

struct GenerationPinImage {
    LittleU64 region_id;
    LittleU64 number;
    std::uint8_t pinned;
    std::uint8_t reserved[7];
};
static_assert(offsetof(GenerationPinImage, number) == 8 && offsetof(GenerationPinImage, pinned) == 16);
static_assert(sizeof(GenerationPinImage) == 24);

struct LogGrowImage {
    LittleU64 region_id;
    LittleU64 log_id;
    LittleU32 term;
    LittleU32 extent_count;
    // then the extents
};
static_assert(offsetof(LogGrowImage, log_id) == 8 && offsetof(LogGrowImage, term) == 16);
static_assert(offsetof(LogGrowImage, extent_count) == 20 && sizeof(LogGrowImage) == 24);

struct CursorPutImage {
    LittleU64 region_id;
    LittleU64 generation;
    LittleU64 sequence;
    LittleU32 reserved;
    LittleU16 name_bytes;
    LittleU16 reserved_too;
    // then the name
};
static_assert(offsetof(CursorPutImage, generation) == 8 && offsetof(CursorPutImage, sequence) == 16);
static_assert(offsetof(CursorPutImage, name_bytes) == 28 && sizeof(CursorPutImage) == 32);

struct CursorDropImage {
    LittleU64 region_id;
    LittleU32 reserved;
    LittleU16 name_bytes;
    LittleU16 reserved_too;
    // then the name
};
static_assert(offsetof(CursorDropImage, name_bytes) == 12 && sizeof(CursorDropImage) == 16);

struct RightsPutImage {
    LittleU64 region_id;
    LittleU32 reserved;
    LittleU16 grantee_bytes;
    std::uint8_t rights;
    std::uint8_t reserved_too;
    // then the grantee
};
static_assert(offsetof(RightsPutImage, grantee_bytes) == 12 && offsetof(RightsPutImage, rights) == 14);
static_assert(sizeof(RightsPutImage) == 16);

class Writer {
public:
    explicit Writer(std::uint64_t bytes) { bytes_.reserve(bytes); }

    template <class Image>
    void put(const Image& image) {
        static_assert(std::is_standard_layout_v<Image> && std::is_trivially_copyable_v<Image>);
        append(&image, sizeof image);
    }
    void put_extents(const std::vector<PageExtent>& extents) {
        for (const auto& extent : extents)
            put(ExtentImage{extent.start, extent.count});
    }
    void put_numbers(const std::vector<std::uint64_t>& numbers) {
        for (const auto number : numbers)
            put(LittleU64(number));
    }
    void put_text(const std::string& text) { append(text.data(), text.size()); }
    std::vector<std::byte> take() { return std::move(bytes_); }

private:
    void append(const void* data, std::size_t size) {
        const auto* bytes = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), bytes, bytes + size);
    }
    std::vector<std::byte> bytes_;
};

class Reader {
public:
    explicit Reader(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <class Image>
    Result<Image> get(const char* what) {
        TRY(expect(sizeof(Image), what));
        Image image;
        std::memcpy(&image, rest_.data(), sizeof image);
        rest_ = rest_.subspan(sizeof image);
        return image;
    }
    Result<std::vector<PageExtent>> extents(std::uint32_t count) {
        TRY(expect(std::uint64_t{count} * sizeof(ExtentImage), "extents"));
        std::vector<PageExtent> found;
        found.reserve(count);
        for (std::uint32_t index = 0; index < count; ++index) {
            const auto extent = TRY(get<ExtentImage>("extents"));
            found.push_back({extent.start, extent.count});
        }
        return found;
    }
    Result<std::vector<std::uint64_t>> numbers(std::uint32_t count) {
        TRY(expect(std::uint64_t{count} * sizeof(LittleU64), "dropped numbers"));
        std::vector<std::uint64_t> found;
        found.reserve(count);
        for (std::uint32_t index = 0; index < count; ++index)
            found.push_back(TRY(get<LittleU64>("dropped numbers")));
        return found;
    }
    Result<std::string> text(std::uint64_t bytes, const char* what) {
        TRY(expect(bytes, what));
        std::string value(reinterpret_cast<const char*>(rest_.data()), bytes);
        rest_ = rest_.subspan(bytes);
        return value;
    }
    /// At least `bytes` are left: asked before anything is allocated for them.
    Status expect(std::uint64_t bytes, const char* what) const {
        if (bytes > rest_.size())
            return fail(EUCLEAN, "a record has {} bytes left for {} bytes of {}", rest_.size(), bytes, what);
        return {};
    }
    /// Nothing is left but padding.
    Status end(const char* what) const {
        if (rest_.size() >= kRecordAlignment)
            return fail(EUCLEAN, "a record of {} has {} bytes too many", what, rest_.size());
        for (const auto byte : rest_)
            if (byte != std::byte{0})
                return fail(EUCLEAN, "the padding of a record of {} is not zero", what);
        return {};
    }

private:
    std::span<const std::byte> rest_;
};

}  // namespace

std::vector<std::byte> encode(const RegionPut& record) {
    RegionPutImage image{};
    image.id = record.id;
    image.next_number = record.next_number;
    image.epoch = record.epoch;
    image.max_size = record.max_size;
    image.created_ns = record.created_ns;
    image.keep_age_ns = record.keep_age_ns;
    image.keep = record.keep;
    image.name_bytes = static_cast<std::uint16_t>(record.name.size());
    image.owner_bytes = static_cast<std::uint16_t>(record.owner.size());
    Writer writer(sizeof image + record.name.size() + record.owner.size());
    writer.put(image);
    writer.put_text(record.name);
    writer.put_text(record.owner);
    return writer.take();
}

std::vector<std::byte> encode(const RegionDrop& record) {
    Writer writer(sizeof(RegionIdImage));
    writer.put(RegionIdImage{record.id});
    return writer.take();
}

std::vector<std::byte> encode(const GenerationSeal& record) {
    GenerationSealImage image{};
    image.region_id = record.region_id;
    image.number = record.number;
    image.length = record.length;
    image.sealed_ns = record.sealed_ns;
    image.epoch = record.epoch;
    image.crc32c = record.crc32c;
    image.extent_count = static_cast<std::uint32_t>(record.extents.size());
    image.dropped_count = static_cast<std::uint32_t>(record.dropped.size());
    image.writer_bytes = static_cast<std::uint16_t>(record.writer.size());
    image.durability = record.durability;
    Writer writer(sizeof image + 8 * record.extents.size() + 8 * record.dropped.size() +
                  record.writer.size());
    writer.put(image);
    writer.put_extents(record.extents);
    writer.put_numbers(record.dropped);
    writer.put_text(record.writer);
    return writer.take();
}

std::vector<std::byte> encode(const GenerationDrop& record) {
    GenerationDropImage image{};
    image.region_id = record.region_id;
    image.count = static_cast<std::uint32_t>(record.numbers.size());
    Writer writer(sizeof image + 8 * record.numbers.size());
    writer.put(image);
    writer.put_numbers(record.numbers);
    return writer.take();
}

std::vector<std::byte> encode(const GenerationPin& record) {
    GenerationPinImage image{};
    image.region_id = record.region_id;
    image.number = record.number;
    image.pinned = record.pinned;
    Writer writer(sizeof image);
    writer.put(image);
    return writer.take();
}

std::vector<std::byte> encode(const RegionClear& record) {
    Writer writer(sizeof(RegionIdImage));
    writer.put(RegionIdImage{record.id});
    return writer.take();
}

std::vector<std::byte> encode(const LogGrow& record) {
    LogGrowImage image{};
    image.region_id = record.region_id;
    image.log_id = record.log_id;
    image.term = record.term;
    image.extent_count = static_cast<std::uint32_t>(record.extents.size());
    Writer writer(sizeof image + 8 * record.extents.size());
    writer.put(image);
    writer.put_extents(record.extents);
    return writer.take();
}

std::vector<std::byte> encode(const CursorPut& record) {
    CursorPutImage image{};
    image.region_id = record.region_id;
    image.generation = record.generation;
    image.sequence = record.sequence;
    image.name_bytes = static_cast<std::uint16_t>(record.name.size());
    Writer writer(sizeof image + record.name.size());
    writer.put(image);
    writer.put_text(record.name);
    return writer.take();
}

std::vector<std::byte> encode(const CursorDrop& record) {
    CursorDropImage image{};
    image.region_id = record.region_id;
    image.name_bytes = static_cast<std::uint16_t>(record.name.size());
    Writer writer(sizeof image + record.name.size());
    writer.put(image);
    writer.put_text(record.name);
    return writer.take();
}

std::vector<std::byte> encode(const RightsPut& record) {
    RightsPutImage image{};
    image.region_id = record.region_id;
    image.grantee_bytes = static_cast<std::uint16_t>(record.grantee.size());
    image.rights = record.rights;
    Writer writer(sizeof image + record.grantee.size());
    writer.put(image);
    writer.put_text(record.grantee);
    return writer.take();
}

Result<RegionPut> decode_region_put(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<RegionPutImage>("a region"));
    RegionPut record;
    record.id = image.id;
    record.next_number = image.next_number;
    record.epoch = image.epoch;
    record.max_size = image.max_size;
    record.created_ns = image.created_ns;
    record.keep_age_ns = image.keep_age_ns;
    record.keep = image.keep;
    record.name = TRY(reader.text(image.name_bytes, "the region's name"));
    record.owner = TRY(reader.text(image.owner_bytes, "the region's owner"));
    TRY(reader.end("a region"));
    return record;
}

Result<RegionDrop> decode_region_drop(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<RegionIdImage>("a region's drop"));
    TRY(reader.end("a region's drop"));
    return RegionDrop{image.id};
}

Result<GenerationSeal> decode_generation_seal(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<GenerationSealImage>("a generation"));
    GenerationSeal record;
    record.region_id = image.region_id;
    record.number = image.number;
    record.length = image.length;
    record.sealed_ns = image.sealed_ns;
    record.epoch = image.epoch;
    record.crc32c = image.crc32c;
    record.durability = image.durability;
    record.extents = TRY(reader.extents(image.extent_count));
    record.dropped = TRY(reader.numbers(image.dropped_count));
    record.writer = TRY(reader.text(image.writer_bytes, "the writer's name"));
    TRY(reader.end("a generation"));
    return record;
}

Result<GenerationDrop> decode_generation_drop(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<GenerationDropImage>("a generation's drop"));
    GenerationDrop record{image.region_id, TRY(reader.numbers(image.count))};
    TRY(reader.end("a generation's drop"));
    return record;
}

Result<GenerationPin> decode_generation_pin(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<GenerationPinImage>("a pin"));
    TRY(reader.end("a pin"));
    return GenerationPin{image.region_id, image.number, image.pinned};
}

Result<RegionClear> decode_region_clear(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<RegionIdImage>("a region's clear"));
    TRY(reader.end("a region's clear"));
    return RegionClear{image.id};
}

Result<LogGrow> decode_log_grow(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<LogGrowImage>("a log"));
    LogGrow record{image.region_id, image.log_id, image.term, TRY(reader.extents(image.extent_count))};
    TRY(reader.end("a log"));
    return record;
}

Result<CursorPut> decode_cursor_put(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<CursorPutImage>("a cursor"));
    CursorPut record{image.region_id, image.generation, image.sequence,
                     TRY(reader.text(image.name_bytes, "the cursor's name"))};
    TRY(reader.end("a cursor"));
    return record;
}

Result<CursorDrop> decode_cursor_drop(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<CursorDropImage>("a cursor's drop"));
    CursorDrop record{image.region_id, TRY(reader.text(image.name_bytes, "the cursor's name"))};
    TRY(reader.end("a cursor's drop"));
    return record;
}

Result<RightsPut> decode_rights_put(std::span<const std::byte> body) {
    Reader reader(body);
    const auto image = TRY(reader.get<RightsPutImage>("rights"));
    RightsPut record{image.region_id, image.rights,
                     TRY(reader.text(image.grantee_bytes, "the grantee's name"))};
    TRY(reader.end("rights"));
    return record;
}

}  // namespace pmemckpt::format
