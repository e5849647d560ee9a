#include "utils/pmemckpt-ctl/clone.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/crc32c.hh"
#include "lib/client/ranges.hh"
#include "utils/pmemckpt-ctl/differences.hh"
#include "utils/pmemckpt-ctl/progress.hh"
#include "utils/pmemckpt-ctl/save.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::uint64_t kBufferBytes = 8 * kMiB;

Result<Extent> parse_extent(const std::string& text) {
    const auto colon = text.find(':');
    if (colon == std::string::npos)
        return fail(EINVAL, "\"{}\" is no range: write OFFSET:LENGTH, such as 4K:64K", text);
    const Extent extent{{TRY(parse_size(text.substr(0, colon)))}, {TRY(parse_size(text.substr(colon + 1)))}};
    if (extent.size.bytes == 0)
        return fail(EINVAL, "\"{}\" is an empty range", text);
    return extent;
}

/// Reads all of the input, for its checksum, and sends what is dirty of it.
class ChangeSender {
public:
    ChangeSender(client::Writer& writer, const client::Ranges& dirty)
        : writer_(writer), dirty_(dirty.list()), next_(dirty_.begin()) {}

    Status prepare(client::Client& client) {
        memory_.resize(std::min(writer_.size(), kBufferBytes));
        if (!memory_.empty())
            buffer_ = TRY(client.register_memory(memory_));
        return {};
    }

    /// The CRC-32C of the whole input.
    Result<std::uint32_t> send(Input& input) {
        std::uint32_t crc = 0;
        Progress progress("saving", writer_.size());
        for (std::uint64_t at = 0; at < writer_.size();) {
            const auto wanted = std::min<std::uint64_t>(memory_.size(), writer_.size() - at);
            const auto chunk = std::span(memory_).first(wanted);
            if (const auto got = TRY(input.read(chunk)); got < wanted)
                return fail(EAGAIN, "{} ended after {} of {} bytes: it was cut short while it was read",
                            input.name(), at + got, writer_.size());
            crc = crc32c(chunk, crc);
            TRY(send_dirty_of({{at}, {wanted}}));
            at += wanted;
            progress.advance(wanted);
        }
        TRY(input.check_unchanged());
        return crc;
    }

private:
    /// What the buffer, which holds `chunk` of the input, has of dirty ranges.
    Status send_dirty_of(Extent chunk) {
        const auto chunk_end = chunk.at.bytes + chunk.size.bytes;
        for (; next_ != dirty_.end() && next_->at.bytes < chunk_end; ++next_) {
            const auto from = std::max(next_->at.bytes, chunk.at.bytes);
            const auto range_end = next_->at.bytes + next_->size.bytes;
            const auto end = std::min(range_end, chunk_end);
            TRY(writer_.write(from, buffer_, from - chunk.at.bytes, end - from));
            if (range_end > chunk_end)
                break;
        }
        return writer_.flush();  // then the buffer may be filled again
    }

    client::Writer& writer_;
    const std::vector<Extent>& dirty_;
    std::vector<Extent>::const_iterator next_;
    std::vector<std::byte> memory_;
    std::shared_ptr<client::Buffer> buffer_;
};

Result<std::unique_ptr<client::Reader>> open_base(client::Client& client, const std::string& region) {
    auto base = client.open(region, 0);
    if (!base && base.error().code == ENODATA)
        return fail(ENODATA, "{} has no generation to clone: save the first one without --clone", region);
    return base;
}

}  // namespace

Result<std::vector<Extent>> parse_dirty(std::span<const std::string> texts) {
    std::vector<Extent> dirty;
    for (const auto& text : texts)
        dirty.push_back(TRY(parse_extent(text)));
    return dirty;
}

Result<wire::Generation> send_clone(client::Client& client, const std::string& region,
                                    std::span<const Extent> dirty, Input& input) {
    const auto size = *input.size();
    const auto base = TRY(open_base(client, region));
    const auto number = base->generation().number;
    const auto found = dirty.empty() ? TRY(find_differences(*base, input)) : Differences();
    input.rewind();
    const auto ranges = TRY(client::Ranges::normalize(dirty.empty() ? found.ranges : dirty, size));
    const auto writer = TRY(client.begin_clone(region, size, ranges.list(), number));
    ChangeSender sender(*writer, ranges);
    TRY(sender.prepare(client));
    const auto crc = TRY(sender.send(input));
    if (dirty.empty() && crc != found.crc32c)
        return fail(EAGAIN, "{} was written to while it was read: save it when nobody writes to it",
                    input.name());
    auto sealed = with_doubt(writer->seal(size, crc));
    if (sealed || sealed.error().code != EBADMSG)
        return sealed;
    if (dirty.empty())
        return fail(EBADMSG, "generation {} of {} is damaged, so it is no base: save {} without --clone",
                    number, region, input.name());
    return fail(
        EBADMSG,
        "{} differs from generation {} elsewhere than --dirty says: save it without --dirty, which finds "
        "what differs, or without --clone",
        input.name(), number);
}

}  // namespace pmemckpt::ctl
