// pmemckpt-ctl save: a file or a stream becomes a new generation.
#include "utils/pmemckpt-ctl/save.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "lib/base/exit_status.hh"
#include "lib/base/units.hh"
#include "utils/pmemckpt-ctl/clone.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/duration.hh"
#include "utils/pmemckpt-ctl/input.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/progress.hh"
#include "utils/pmemckpt-ctl/regions.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::uint64_t kBufferBytes = 8 * kMiB;

/// Two buffers, registered once: one is filled while the other is sent.
class Sender {
public:
    Sender(client::Client& client, client::Writer& writer) : client_(client), writer_(writer) {}

    Status prepare(std::uint64_t size) {
        for (auto& half : halves_) {
            half.memory.resize(std::min(size, kBufferBytes));
            if (!half.memory.empty())
                half.buffer = TRY(client_.register_memory(half.memory));
        }
        return {};
    }

    /// Sends at most `limit` bytes of the input; returns how many there were.
    Result<std::uint64_t> send(Input& input, std::uint64_t limit, Progress& progress) {
        std::uint64_t sent = 0;
        for (std::size_t turn = 0; sent < limit; turn ^= 1) {
            auto& half = halves_[turn];
            const auto wanted = std::min<std::uint64_t>(half.memory.size(), limit - sent);
            const auto got = TRY(input.read(std::span(half.memory).first(wanted)));
            TRY(writer_.flush());  // the other half has gone: it may be filled next
            if (got > 0)
                TRY(writer_.write(sent, half.buffer, 0, got));
            sent += got;
            progress.advance(got);
            if (got < wanted)
                break;
        }
        TRY(writer_.flush());
        return sent;
    }

private:
    struct Half {
        std::vector<std::byte> memory;
        std::shared_ptr<client::Buffer> buffer;
    };
    client::Client& client_;
    client::Writer& writer_;
    std::array<Half, 2> halves_;
};

Status prepare_region(client::Client& client, const Save& request) {
    auto found = client.find_region(request.region);
    if (found)
        return {};
    if (found.error().code == ENOENT && request.create)
        return make_region(client, {request.region, request.keep, request.keep_age, request.max_size}, false)
            .map([](const auto&) {});
    if (found.error().code == ENOENT)
        return fail(ENOENT, "{} (pmemckpt-ctl create-region {} makes it, where there is none)",
                    found.error().message, request.region);
    return tl::unexpected(found.error());
}

/// The draft's size: what a file has, or what --size allows a stream to have.
Result<std::uint64_t> draft_size(const Input& input, const std::string& size_option) {
    if (size_option.empty())
        return *input.size();
    const auto limit = TRY(parse_size(size_option));
    if (input.size().value_or(0) > limit)
        return fail(EFBIG, "{} has {} bytes, but --size is {}", input.name(), *input.size(), limit);
    return input.size().value_or(limit);
}

/// The input must end where the draft does.
Status check_end(Input& input, std::uint64_t sent, std::uint64_t size) {
    TRY(input.check_unchanged());
    if (input.size() && sent < size)
        return fail(EAGAIN, "{} ended after {} of {} bytes: it was cut short while it was read", input.name(),
                    sent, size);
    std::byte one{};
    if (input.size() || sent < size)
        return {};
    if (TRY(input.read({&one, 1})) > 0)
        return fail(EFBIG, "{} has more than the {} bytes that --size allows", input.name(), size);
    return {};
}

Result<wire::Generation> send_all(client::Client& client, const Save& request, Input& input) {
    const auto size = TRY(draft_size(input, request.size));
    const auto writer = TRY(client.begin(request.region, size));
    std::uint64_t sent = 0;
    {
        Progress progress("saving", input.size().value_or(0));
        Sender sender(client, *writer);
        TRY(sender.prepare(writer->size()));
        sent = TRY(sender.send(input, writer->size(), progress));
        TRY(check_end(input, sent, writer->size()));
    }
    return with_doubt(writer->seal(sent));
}

Status report(const Common& common, const std::string& region, const wire::Generation& generation) {
    if (common.json)
        return print(generation_json(region, generation));
    return print(fmt::format("{}@{} {} bytes crc32c={} durability={}\n", region, generation.number,
                             generation.length, crc32c_text(generation.crc32c),
                             durability_name(generation.durability)));
}

}  // namespace

Result<wire::Generation> with_doubt(Result<wire::Generation> sealed) {
    if (!sealed && exit_status(sealed.error().code) == kExitConnection)
        return fail(sealed.error().code,
                    "{}; whether the generation was sealed is not known, pmemckpt-ctl list tells",
                    sealed.error().message);
    return sealed;
}

Status save(const Common& common, const Save& request) {
    auto input = TRY(Input::open(request.file));
    TRY(size_or_zero(request.size));
    TRY(duration_or_zero(request.keep_age));
    const auto dirty = TRY(parse_dirty(request.dirty));
    const auto client = TRY(client::Client::connect(common.connection));
    TRY(prepare_region(*client, request));
    if (!input.size() && request.size.empty())
        input = TRY(input.spool());
    const bool is_first = request.create && TRY(client->find_region(request.region)).newest == 0;
    auto sealed = request.clone && !is_first ? send_clone(*client, request.region, dirty, input)
                                             : send_all(*client, request, input);
    if (!sealed)
        return fail(sealed.error().code, "{} was not saved: {}", request.region, sealed.error().message);
    return report(common, request.region, *sealed);
}

}  // namespace pmemckpt::ctl
