// The restart ladder: the newest generation, verified; if it is bad the next older one, and so on.
#include <algorithm>
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "lib/client/calls.hh"

namespace pmemckpt::client {

namespace {

/// How often a restart begins anew, because what it looked for was overwritten meanwhile.
constexpr unsigned kLadderRounds = 100;

/// EBADMSG when its bytes are not those that were sealed.
Status verify(Reader& reader) {
    const auto& generation = reader.generation();
    std::vector<std::byte> chunk(std::min<std::uint64_t>(kVerifyChunk, generation.length));
    std::uint32_t sum = crc32c({});
    for (std::uint64_t at = 0; at < generation.length;) {
        const auto read = TRY(reader.read(at, chunk));
        sum = crc32c(std::span(chunk).first(read), sum);
        at += read;
    }
    if (sum != generation.crc32c)
        return fail(EBADMSG, "its {} bytes have CRC-32C {:#010x}, and {:#010x} was sealed", generation.length,
                    sum, generation.crc32c);
    return {};
}

/// Open and verified.
Result<std::unique_ptr<Reader>> open_good(Client& client, const std::string& region, std::uint64_t number) {
    auto reader = TRY(client.open(region, number));
    TRY(verify(*reader));
    return reader;
}

/// What says something of the generation, and not of this session or the manager.
bool is_bad(const Error& error) {
    return error.code == EBADMSG || error.code == EUCLEAN || error.code == EIO;
}

Error none_is_good(const std::string& region, const std::vector<Skipped>& skipped) {
    std::string sentence = fmt::format("no generation of {} is good", region);
    for (const auto& one : skipped)
        sentence += fmt::format("; generation {}: {}", one.number, one.why);
    return {EBADMSG, std::move(sentence)};
}

/// ENOENT when one of them was dropped before it could be opened.
Result<Recovered> climb_down(Client& client, const std::string& region,
                             const std::vector<wire::Generation>& newest_first) {
    Recovered recovered;
    for (const auto& generation : newest_first) {
        auto reader = open_good(client, region, generation.number);
        if (reader) {
            recovered.reader = std::move(*reader);
            return recovered;
        }
        if (!is_bad(reader.error()) || !client.state())
            return tl::unexpected(std::move(reader).error());
        recovered.skipped.push_back({generation.number, reader.error().message});
    }
    return tl::unexpected(none_is_good(region, recovered.skipped));
}

}  // namespace

/// What retention drops between the list and the look is not bad: a newer one is there then.
Result<Recovered> Client::recover(const std::string& region) {
    for (unsigned round = 1;; ++round) {
        auto all = TRY(generations(region));
        if (all.empty())
            return fail(ENODATA, "region {} has no generation", region);
        std::reverse(all.begin(), all.end());
        auto recovered = climb_down(*this, region, all);
        if (recovered || recovered.error().code != ENOENT || round == kLadderRounds)
            return recovered;
    }
}

}  // namespace pmemckpt::client
