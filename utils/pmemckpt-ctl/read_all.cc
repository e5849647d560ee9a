// pmemckpt-ctl read: all of a region, or what a named backup has not read yet, becomes files of a folder.
#include <cerrno>
#include <optional>

#include "lib/base/log.hh"
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/output.hh"
#include "utils/pmemckpt-ctl/period.hh"
#include "utils/pmemckpt-ctl/receive.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

class Run {
public:
    Run(client::Client& client, const ReadAll& request, std::uint64_t region_id)
        : client_(client), request_(request), region_id_(region_id) {}
    const ReadBack& done() const { return done_; }

    /// A generation that is sealed meanwhile ends the log that is being read: then there is more to read.
    Status read() {
        if (!request_.all)
            done_.reached = TRY(client_.cursor(request_.region, request_.unread));
        for (;;) {
            TRY(read_generations());
            const auto read = read_log();
            if (read || read.error().code != ESTALE)
                return read;
        }
    }

private:
    Status read_generations() {
        for (const auto& generation : TRY(client_.generations(request_.region))) {
            if (generation.number <= done_.reached.generation)
                continue;
            const auto read = read_generation(generation.number);
            if (!read && read.error().code == ENOENT) {
                log::warning("{}@{} was dropped before it could be read", request_.region, generation.number);
                continue;
            }
            TRY(note(generation.number, read));
        }
        return {};
    }

    Status read_generation(std::uint64_t number) {
        const auto reader = client_.open(request_.region, number);
        if (!reader)
            return tl::unexpected(reader.error());
        if ((*reader)->generation().region_id != region_id_)
            return was_made_anew();
        auto output = TRY(open_output(std::to_string(number), (*reader)->generation().length));
        return receive_verified(**reader, request_.region, output);
    }

    /// Of all there is, a damaged one is left out; as unread it stays unread.
    Status note(std::uint64_t number, const Status& read) {
        if (!read && (read.error().code != EBADMSG || !request_.all))
            return read;
        if (!read) {
            log::warning("{}", read.error().message);
            done_.damaged.push_back({number, read.error().message});
        } else {
            done_.generations.push_back(number);
        }
        return advance({request_.unread, number, 0});
    }

    /// Has the log that was read to here not one record more?
    Result<bool> is_log_read() {
        if (request_.all)
            return false;
        const auto region = TRY(client_.find_region(request_.region));
        if (region.id != region_id_)
            return was_made_anew();
        const bool within =
            region.newest == done_.reached.generation && (log_id_ == 0 || log_id_ == region.log_id);
        if (within && region.log_records < done_.reached.sequence)
            return fail(EBADMSG,
                        "{} has read {} records of the log of {}, which has {} now: it was damaged; save a "
                        "generation, which ends it",
                        request_.unread, done_.reached.sequence, request_.region, region.log_records);
        return within && region.log_records == done_.reached.sequence;
    }

    tl::unexpected<Error> was_made_anew() const {
        return fail(ENOENT, "region {} was destroyed, and made anew, while it was read", request_.region);
    }

    /// The whole log, also what was read of it before: its file is replaced in one step, and a run that was
    /// interrupted leaves no record twice. ESTALE when it was ended meanwhile.
    Status read_log() {
        if (TRY(is_log_read()))
            return {};
        auto opened = client_.read_log(request_.region);
        if (!opened && opened.error().code == ENODATA)
            return {};
        const auto log = TRY(std::move(opened));
        const bool is_other = log_id_ != 0 && log_id_ != log->log_id();
        if (log->generation() < done_.reached.generation || (is_other && log->generation() == 0))
            done_.reached = {request_.unread, 0, 0};  // the region was cleared: all of this log is new
        log_id_ = log->log_id();
        if (log->generation() > done_.reached.generation)
            return fail(ESTALE, "generation {} was sealed meanwhile", log->generation());
        auto output = TRY(open_output(fmt::format("{}.log", log->generation()), 0));
        auto reached = done_.reached;
        reached.name = request_.unread;
        std::uint64_t records = 0;
        while (const auto record = TRY(log->next())) {
            TRY(output.write(record->bytes));
            if (record->sequence > reached.sequence) {
                reached.sequence = record->sequence;
                ++records;
            }
        }
        if (records == 0)
            return {};
        TRY(output.commit());
        done_.records += records;
        return advance_in_log(reached);
    }

    /// A log that has ended since can't be pointed into: the generation that ended it moves the cursor.
    Status advance_in_log(const wire::Cursor& to) {
        auto moved = advance(to);
        if (!moved && moved.error().code == EINVAL) {
            const auto region = TRY(client_.find_region(request_.region));
            if (region.newest > to.generation)
                return fail(ESTALE, "generation {} was sealed meanwhile", region.newest);
        }
        return moved;
    }

    Result<Output> open_output(const std::string& name, std::uint64_t length) const {
        return Output::open(request_.to + "/" + name, length);
    }

    /// What is on disk counts as read.
    Status advance(const wire::Cursor& to) {
        if (!request_.all)
            TRY(client_.advance_cursor(request_.region, to, {region_id_, to.sequence == 0 ? 0 : log_id_}));
        done_.reached = to;
        return {};
    }

    client::Client& client_;
    const ReadAll& request_;
    const std::uint64_t region_id_;
    std::uint64_t log_id_ = 0;  // of the log that was read last
    ReadBack done_;
};

std::string text_of(const ReadAll& request, const ReadBack& done) {
    return fmt::format("{}: {} and {} read, up to generation {}, in {}\n", request.region,
                       plural(done.generations.size(), "generation"), plural(done.records, "record"),
                       done.reached.generation, request.to);
}

Result<ReadBack> read_round(client::Client& client, const ReadAll& request) {
    Run run(client, request, TRY(client.find_region(request.region)).id);
    if (const auto read = run.read(); !read)
        return fail(read.error().code, "{} (up to generation {} it is in {})", read.error().message,
                    run.done().reached.generation, request.to);
    return run.done();
}

Status read_once(const Common& common, client::Client& client, const ReadAll& request) {
    const auto done = TRY(read_round(client, request));
    TRY(print(common.json ? read_json(request.region, request.to, done) : text_of(request, done)));
    if (!done.damaged.empty())
        return fail(EBADMSG, "{} of {} damaged, and not in {}", plural(done.damaged.size(), "generation"),
                    request.region, request.to);
    return {};
}

/// A line for each round that has brought something, until it fails or the program is ended: what is on disk
/// then is what the cursor says.
Status read_periodically(const Common& common, client::Client& client, const ReadAll& request,
                         Period period) {
    for (;;) {
        const auto done = TRY(read_round(client, request));
        if (!done.generations.empty() || done.records > 0)
            TRY(print(common.json ? read_line(request.region, request.to, done) : text_of(request, done)));
        TRY(period.wait(client));
    }
}

}  // namespace

Status read_all(const Common& common, const ReadAll& request) {
    TRY(pool::check_region_name(request.region));
    if (request.all == !request.unread.empty())
        return fail(EINVAL, "what to read? Give either --all or --unread NAME");
    std::optional<Period> period;
    if (!request.every.empty())
        period = TRY(Period::parse(request.every));
    const auto client = TRY(client::Client::connect(common.connection));
    TRY(client->find_region(request.region));
    TRY(make_folder(request.to));
    return period ? read_periodically(common, *client, request, *period)
                  : read_once(common, *client, request);
}

}  // namespace pmemckpt::ctl
