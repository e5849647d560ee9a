#include "utils/pmemckpt-ctl/receive.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <vector>

#include "lib/base/crc32c.hh"
#include "lib/base/units.hh"
#include "utils/pmemckpt-ctl/progress.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::uint64_t kBufferBytes = 8 * kMiB;

/// Two buffers: the next one is read while the last one is written.
class Receiver {
public:
    explicit Receiver(client::Reader& reader) : reader_(reader), length_(reader.generation().length) {
        for (auto& half : halves_)
            half.resize(std::min(length_, kBufferBytes));
    }

    /// All of it; returns the CRC-32C of what was written.
    Result<std::uint32_t> receive(Output& output, Progress& progress) {
        std::uint32_t crc = 0;
        auto next = read(0, 0);
        for (std::uint64_t at = 0; at < length_;) {
            const auto half = (at / kBufferBytes) % 2;
            const auto got = TRY(next.get());
            if (got != wanted(at))
                return fail(EPROTO, "only {} of {} bytes came at {}", got, wanted(at), at);
            const auto bytes = std::span(halves_[half]).first(got);
            at += got;
            next = read(at, half ^ 1);
            crc = crc32c(bytes, crc);
            TRY(output.write(bytes));
            progress.advance(got);
        }
        return crc;
    }

private:
    std::uint64_t wanted(std::uint64_t at) const { return std::min(length_ - at, kBufferBytes); }

    std::future<Result<std::size_t>> read(std::uint64_t at, std::size_t half) {
        if (at >= length_)
            return {};
        const auto into = std::span(halves_[half]).first(wanted(at));
        return std::async(std::launch::async, [this, at, into] { return reader_.read(at, into); });
    }

    client::Reader& reader_;
    const std::uint64_t length_;
    std::array<std::vector<std::byte>, 2> halves_;
};

Error damaged(const std::string& region, const wire::Generation& generation, std::uint32_t crc,
              const Output& output) {
    return {
        EBADMSG,
        fmt::format(
            "{}@{} is damaged: its {} bytes have crc32c={}, sealed was crc32c={}; {} (pmemckpt-ctl list {} "
            "shows older generations)",
            region, generation.number, generation.length, crc32c_text(crc), crc32c_text(generation.crc32c),
            output.is_file() ? output.name() + " was not written" : "what was written must not be used",
            region)};
}

}  // namespace

Status receive_verified(client::Reader& reader, const std::string& region, Output& output) {
    const auto& generation = reader.generation();
    std::uint32_t crc = 0;
    {
        Progress progress("restoring", generation.length);
        Receiver receiver(reader);
        crc = TRY(receiver.receive(output, progress));
    }
    if (crc != generation.crc32c)
        return tl::unexpected(damaged(region, generation, crc, output));
    return output.commit();
}

}  // namespace pmemckpt::ctl
