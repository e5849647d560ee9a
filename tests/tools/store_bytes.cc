// store_bytes MEDIUM OFFSET TEXT: stores the text there, durably, as damage: a device of memory can't be
// written by dd.
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <span>
#include <string_view>

#include "lib/media/medium.hh"

int main(int argc, char** argv) {
    using namespace pmemckpt;
    std::uint64_t at = 0;
    if (argc != 4 || std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), at).ec != std::errc()) {
        fmt::print(stderr, "usage: store_bytes MEDIUM OFFSET TEXT\n");
        return 2;
    }
    const std::string_view text = argv[3];
    const auto bytes = std::as_bytes(std::span(text));
    const auto medium = media::open_medium(argv[1], media::Use::exclusive);
    if (!medium || !fits({{at}, {bytes.size()}}, {(*medium)->bytes().size()})) {
        fmt::print(stderr, "{}\n", medium ? "it lies beyond the medium's end" : medium.error().message);
        return 1;
    }
    (*medium)->store({at}, bytes);
    return (*medium)->persist({{at}, {bytes.size()}}) ? 0 : 1;
}
