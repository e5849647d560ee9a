// fill_pool POOL REGIONS GENERATIONS: makes so many regions in a pool that is there, team/app0000 and so on,
// each with so many generations of up to a page, all zeros. The key is in the default directory. Quick and
// sparse: nothing is synced, and no page is written.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "lib/pool/manager_key.hh"
#include "lib/pool/pool.hh"

namespace {

using namespace pmemckpt;

/// A file, of which only the kernel knows when it gets to the disk. What is blank is left alone, and stays a
/// hole.
class UnsyncedFile final : public media::Medium {
public:
    explicit UnsyncedFile(std::unique_ptr<media::Medium> file) : file_(std::move(file)) {}
    std::span<std::byte> bytes() override { return file_->bytes(); }
    Status persist(Extent) override { return {}; }
    Status blank(Extent extent) override {
        const auto part = bytes().subspan(extent.at.bytes, extent.size.bytes);
        if (std::ranges::any_of(part, [](std::byte byte) { return byte != std::byte{0}; }))
            std::ranges::fill(part, std::byte{0});
        return {};
    }
    media::Durability durability() const override { return file_->durability(); }
    const std::string& path() const override { return file_->path(); }

private:
    std::unique_ptr<media::Medium> file_;
};

Result<std::uint32_t> parse_count(std::string_view text) {
    std::uint32_t count = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (status != std::errc() || end != text.data() + text.size() || count < 1)
        return fail(EINVAL, "\"{}\" is no count", text);
    return count;
}

std::string name_of(std::uint32_t region) {
    return fmt::format("team/app{:04}", region);
}

// Round by round, so that a region's generations are not side by side in the journal.
Status fill(const char* path, std::uint32_t regions, std::uint32_t generations) {
    auto file = TRY(media::open_medium(path, media::Use::exclusive));
    const auto key = TRY(pool::find_manager_key(*file, default_key_directory())).key;
    const auto pool = TRY(pool::Pool::open(std::make_unique<UnsyncedFile>(std::move(file)), key));
    for (std::uint32_t region = 0; region < regions; ++region)
        TRY(pool->create_region(name_of(region), "tester", {.keep = generations}));
    for (std::uint32_t round = 0; round < generations; ++round)
        for (std::uint32_t region = 0; region < regions; ++region) {
            const auto size = 1 + (region * std::uint64_t{31} + round) % pool->page_size();
            auto draft = TRY(pool->begin(name_of(region), size));
            TRY(pool->seal(std::move(draft), size, std::nullopt, "filler"));
        }
    return {};
}

Status run(int argc, char** argv) {
    if (argc != 4)
        return fail(EINVAL, "usage: fill_pool POOL REGIONS GENERATIONS");
    const auto regions = TRY(parse_count(argv[2]));
    const auto generations = TRY(parse_count(argv[3]));
    return fill(argv[1], regions, generations);
}

}  // namespace

int main(int argc, char** argv) {
    const auto done = run(argc, argv);
    if (!done)
        fmt::print(stderr, "fill_pool: {}\n", done.error().message);
    return done ? 0 : 1;
}
