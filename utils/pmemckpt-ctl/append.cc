// pmemckpt-ctl append: standard input becomes a record of the region's log, or a record a line.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "lib/format/log_record.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::size_t kChunkBytes = 256 * kKiB;

/// What has come and was not appended yet.
class Pending {
public:
    /// What there is, at most kChunkBytes; waits when there is nothing. 0 at the end. EFBIG.
    Result<std::size_t> receive() {
        const auto before = bytes_.size();
        if (before > format::kMaximumLogPayload)
            return fail(EFBIG, "a record can have at most {} bytes, and standard input has more{}",
                        format::kMaximumLogPayload, " (--lines makes a record of each line)");
        bytes_.resize(before + kChunkBytes);
        auto got = ::read(STDIN_FILENO, bytes_.data() + before, kChunkBytes);
        while (got < 0 && errno == EINTR)
            got = ::read(STDIN_FILENO, bytes_.data() + before, kChunkBytes);
        bytes_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0)
            return fail_errno(errno, "can't read standard input");
        return static_cast<std::size_t>(got);
    }

    /// The next whole line, with its newline; empty when there is none yet.
    std::span<const std::byte> line() {
        const auto rest = all().subspan(searched_ - taken_);
        const auto* end = rest.empty() ? nullptr : std::memchr(rest.data(), '\n', rest.size());
        if (!end) {
            searched_ = bytes_.size();
            return {};
        }
        const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(end) - all().data()) + 1;
        const auto found = all().first(length);
        taken_ += length;
        searched_ = taken_;
        return found;
    }

    std::span<const std::byte> all() const { return std::span(bytes_).subspan(taken_); }
    /// What was taken is durable: its memory is used again.
    void forget_taken() {
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(taken_));
        searched_ -= taken_;
        taken_ = 0;
    }

private:
    std::vector<std::byte> bytes_;
    std::size_t taken_ = 0, searched_ = 0;
};

class Feeder {
public:
    explicit Feeder(client::Appender& appender) : appender_(appender) {
        done_.generation = appender.generation();
        done_.durability = appender.durability();
    }
    const Appended& done() const { return done_; }

    /// All of standard input.
    Status append_whole() {
        while (TRY(pending_.receive()) > 0) {
        }
        if (pending_.all().empty())
            return fail(EINVAL, "standard input is empty: a record has at least 1 byte");
        TRY(append(pending_.all()));
        return flush();
    }

    /// Each line as it comes; what there is at one time becomes durable together.
    Status append_lines() {
        while (TRY(pending_.receive()) > 0) {
            for (auto line = pending_.line(); !line.empty(); line = pending_.line())
                TRY(append(line));
            TRY(flush());
            pending_.forget_taken();
        }
        if (pending_.all().empty())
            return {};
        TRY(append(pending_.all()));  // the last line has no newline
        return flush();
    }

    /// What was queued before a record was refused is durable, or is not counted.
    void settle() { static_cast<void>(flush()); }

private:
    Status append(std::span<const std::byte> record) {
        queued_.last = TRY(appender_.append(record));
        ++queued_.records;
        queued_.bytes += record.size();
        return {};
    }

    Status flush() {
        TRY(appender_.flush());
        if (queued_.records > 0)
            done_.last = queued_.last;
        done_.records += queued_.records;
        done_.bytes += queued_.bytes;
        queued_ = {};
        return {};
    }

    client::Appender& appender_;
    Pending pending_;
    Appended queued_, done_;
};

Status report(const Common& common, const std::string& region, const Appended& done) {
    if (common.json)
        return print(appended_json(region, done));
    return print(fmt::format(
        "{}: {} of {} bytes appended behind generation {}; the last is number {}, durability={}\n", region,
        plural(done.records, "record"), done.bytes, done.generation, done.last,
        durability_name(done.durability)));
}

}  // namespace

Status append(const Common& common, const Append& request) {
    TRY(pool::check_region_name(request.region));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto appender = TRY(client->open_log(request.region));
    Feeder feeder(*appender);
    const auto fed = request.lines ? feeder.append_lines() : feeder.append_whole();
    if (!fed) {
        feeder.settle();
        return fail(fed.error().code, "{} (before that, {} became durable)", fed.error().message,
                    plural(feeder.done().records, "record"));
    }
    auto done = feeder.done();
    done.last = appender->sequence();
    return report(common, request.region, done);
}

}  // namespace pmemckpt::ctl
