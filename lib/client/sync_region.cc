#include "lib/client/sync_region.hh"

#include <algorithm>
#include <array>
#include <cerrno>

#include "lib/client/deadline.hh"
#include "lib/sync/table_header.hh"

namespace pmemckpt::client {

Status SyncRegion::State::begin(std::uint64_t size) {
    writer_ = TRY(client_->begin(region_.states_.name, size));
    return {};
}

/// Its end is not known yet: so it has all the room that a state may take.
Status SyncRegion::State::send() {
    if (!writer_)
        TRY(begin(region_.limit_));
    TRY(writer_->write(sent_, staged_));
    TRY(writer_->flush());
    sent_ += staged_.size();
    staged_.clear();
    return {};
}

Status SyncRegion::State::write(std::span<const std::byte> bytes) {
    if (bytes.size() > region_.limit_ - sent_ - staged_.size())
        return fail(ENOSPC,
                    "a state has more than {} bytes, the limit of region {}: take a new region, made for "
                    "larger ones",
                    region_.limit_, region_.states_.name);
    while (!bytes.empty()) {
        if (staged_.size() == kStagedState)
            TRY(send());
        const auto count = std::min(bytes.size(), kStagedState - staged_.size());
        staged_.insert(staged_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
        bytes = bytes.subspan(count);
    }
    return {};
}

Result<std::uint64_t> SyncRegion::State::finish() {
    if (!writer_)
        TRY(begin(staged_.size()));
    TRY(writer_->write(sent_, staged_));
    const auto sealed = TRY(writer_->seal(sent_ + staged_.size()));
    TRY(client_->pin(region_.states_.name, sealed.number, true));
    return sealed.number;
}

Status SyncRegion::take_over(Client& client, Held& held) {
    const auto taken = TRY(client.take_over(held.name));
    held.id = taken.region.id;
    held.epoch = taken.region.epoch;
    return {};
}

Result<std::unique_ptr<SyncRegion>> SyncRegion::open(const Options& options, const std::string& region,
                                                     std::uint64_t state_bytes, Milliseconds time_limit) {
    auto client = TRY(Client::connect(options));
    auto resolved = client->options();
    resolved.pool = to_string(client->pool_uuid());  // regions of another one may look the same
    std::unique_ptr<SyncRegion> opened(
        new SyncRegion(client, std::move(resolved), region, state_bytes, time_limit));
    TRY(opened->make_regions());
    TRY(take_over(*client, opened->tables_));
    TRY(take_over(*client, opened->states_));
    TRY(opened->check_is_ours(*client));  // another one may have come in between
    return opened;
}

/// Nothing that is there is changed; nothing is made beside what is somebody else's.
Status SyncRegion::make_regions() {
    if (limit_ == 0)
        if (const auto there = client_->find_region(states_.name); !there && there.error().code == ENOENT)
            return fail(ENOENT,
                        "there is no region {}: say how many bytes a state has at most, and it is made; or "
                        "make it: pmemckpt-ctl create-region {} --keep 1 --max-size SIZE",
                        states_.name, states_.name);
    TRY(newest_table(*client_));
    const auto states = TRY(client_->create_region(states_.name, {1, limit_}, false));
    if (states.max_size != 0)
        limit_ = states.max_size;
    if (limit_ == 0)
        return fail(EINVAL, "region {} has no limit: say how many bytes a state has at most", states_.name);
    TRY(client_->create_region(tables_.name, {kKeptTables}, false));
    return {};
}

/// Null where nothing was ever committed: there are no states then either. Looked at before the takeovers, so
/// that a wrong name fences nobody, and after them.
Result<std::unique_ptr<Reader>> SyncRegion::newest_table(Client& client) const {
    auto newest = client.open(tables_.name);
    if (newest)
        TRY(check_is_table(**newest));
    if (newest || (newest.error().code != ENODATA && newest.error().code != ENOENT))
        return newest;
    TRY(check_has_no_states(client));
    return std::unique_ptr<Reader>();
}

Status SyncRegion::check_is_table(Reader& generation) const {
    const auto length = generation.generation().length;
    std::array<std::byte, sync::kTableMagic.size()> beginning{};
    if (length >= beginning.size() && length <= sync::kTableCopyBytes)
        TRY(generation.read(0, beginning));
    if (std::ranges::equal(beginning, std::as_bytes(std::span(sync::kTableMagic))))
        return {};
    return fail(EBADMSG,
                "generation {} of region {} has {} bytes, and is no table of a participant's: take another "
                "region, or destroy both to begin anew",
                generation.generation().number, tables_.name, length);
}

/// They would be dropped, as what no table refers to.
Status SyncRegion::check_has_no_states(Client& client) const {
    const auto states = client.find_region(states_.name);
    if (!states)
        return states.error().code == ENOENT ? Status() : Status(tl::unexpected(states.error()));
    if (states->generations == 0)
        return {};
    return fail(EBADMSG,
                "region {} has {} generations, and {} has no table that says whose: take another region",
                states_.name, states->generations, tables_.name);
}

/// A session has the epoch of its first look at a region, so after this it is fenced as the last one was.
Status SyncRegion::check_is_ours(Client& client) {
    const auto now = client.find_region(tables_.name);
    if (!now && now.error().code != ENOENT)
        return tl::unexpected(now.error());
    if (now && now->id == tables_.id && now->epoch == tables_.epoch)
        return {};
    is_over_ = true;
    if (!now || now->id != tables_.id)
        return fail(ESTALE, "region {} was destroyed{}: it is not this participant's any more, end this one",
                    tables_.name, now ? ", and made anew" : "");
    return fail(ESTALE,
                "fenced: region {} was taken over (epoch {}, {} was this participant's): another one has it "
                "now, end this one",
                tables_.name, now->epoch, tables_.epoch);
}

/// Another one that started at the same time may have taken NAME over last, without NAME.table.
Status SyncRegion::take_back_states(Client& client) {
    TRY(check_is_ours(client));
    const auto now = TRY(client.find_region(states_.name));
    if (now.id != states_.id)
        return fail(ESTALE,
                    "region {} was destroyed, and made anew: its states are gone, end this participant",
                    states_.name);
    return now.epoch == states_.epoch ? Status() : take_over(client, states_);
}

Result<std::shared_ptr<Client>> SyncRegion::connected() {
    const std::lock_guard lock(mutex_);
    if (client_->state())
        return client_;
    reader_.reset();
    auto client = TRY(Client::connect(options_));
    TRY(check_is_ours(*client));
    client_ = std::move(client);
    return client_;
}

Result<std::vector<std::byte>> SyncRegion::load(std::size_t most) {
    const auto client = TRY(connected());
    const auto newest = TRY(newest_table(*client));
    if (!newest)
        return std::vector<std::byte>();
    const auto length = newest->generation().length;
    if (length > most)
        return fail(EMSGSIZE, "the table in region {} has {} bytes: {} at most", tables_.name, length, most);
    std::vector<std::byte> table(length);
    TRY(newest->read(0, table));
    return table;
}

/// All but its seal. Nothing has changed when it fails.
Result<std::unique_ptr<Writer>> SyncRegion::write_table(Client& client, std::span<const std::byte> table) {
    TRY(check_is_ours(client));  // of that name there may be another one by now
    auto writer = TRY(client.begin(tables_.name, table.size()));
    TRY(writer->write(0, table));
    TRY(writer->flush());
    return writer;
}

/// Only that the regions are another one's is for good: whatever the code is, of a connection that can't be
/// made say, it may be had again.
tl::unexpected<Error> SyncRegion::not_committed(const Error& why) const {
    if (is_over_)
        return tl::unexpected(why);
    return fail(EAGAIN, "the table was not committed, and the former one stands: {}", why.message);
}

Error SyncRegion::of_seal(Error error, bool is_connected) {
    if (error.code == EBADMSG && is_connected)
        return {EAGAIN, std::move(error.message)};
    if (error.code == EAGAIN || error.code == EMSGSIZE)
        return {EIO, std::move(error.message)};
    return error;
}

Status SyncRegion::commit(std::span<const std::byte> table) {
    const auto client = connected();
    if (!client)
        return not_committed(client.error());
    const Deadline deadline(*client, time_limit_);
    const auto writer = write_table(**client, table);
    if (!writer)
        return not_committed(writer.error());
    const auto sealed = (*writer)->seal();  // cut before: the former one; after: this one
    if (sealed)
        return {};
    return tl::unexpected(of_seal(sealed.error(), (*client)->state().has_value()));
}

Status SyncRegion::keep(std::span<const std::uint64_t> numbers) {
    const auto client = TRY(connected());
    const Deadline deadline(client, time_limit_);
    {
        const std::lock_guard lock(mutex_);
        reader_.reset();  // what is open keeps its pages
    }
    const auto all = TRY(client->generations(states_.name, numbers.size() + kMostLeftOver));
    TRY(check_is_ours(*client));  // pins know no epoch: so none of these is somebody else's
    const auto is_held = [&](const wire::Generation& one) {
        return std::ranges::find(numbers, one.number) != numbers.end();
    };
    for (const auto& one : all)
        if (one.pinned != 0 && !is_held(one))
            TRY(client->pin(states_.name, one.number, false));
    TRY(pin_all(*client, numbers, all));
    // The newest one stays in any case.
    const bool has_leftovers = std::ranges::any_of(
        all, [&](const auto& one) { return !is_held(one) && one.number != all.back().number; });
    return has_leftovers ? drop_unpinned(*client) : Status();
}

/// One that is gone keeps the others from nothing: who reads it hears so.
Status SyncRegion::pin_all(Client& client, std::span<const std::uint64_t> numbers,
                           std::span<const wire::Generation> known) const {
    for (const auto number : numbers) {
        const auto found = std::ranges::find(known, number, &wire::Generation::number);
        if (found != known.end() && found->pinned != 0)
            continue;
        if (auto pinned = client.pin(states_.name, number, true); !pinned && pinned.error().code != ENOENT)
            return pinned;
    }
    return {};
}

/// Retention would do it with the next seal; but that state may need their room.
Status SyncRegion::drop_unpinned(Client& client) const {
    const auto region = TRY(client.find_region(states_.name));
    TRY(client.set_retention(states_.name, region.keep, region.keep_age_ns));  // as it is
    return {};
}

Result<std::unique_ptr<SyncRegion::State>> SyncRegion::begin() {
    auto client = TRY(connected());
    const Deadline deadline(client, time_limit_);
    TRY(take_back_states(*client));
    return std::make_unique<State>(*this, std::move(client));
}

Result<std::shared_ptr<Reader>> SyncRegion::reader(std::uint64_t number) {
    const auto client = TRY(connected());
    const std::lock_guard lock(mutex_);
    if (!reader_ || reader_->generation().number != number)
        reader_ = TRY(client->open(states_.name, number));
    return reader_;
}

Status SyncRegion::read(std::uint64_t number, std::uint64_t offset, std::span<std::byte> into) {
    const auto opened = TRY(reader(number));
    const auto count = TRY(opened->read(offset, into));
    if (count != into.size())
        return fail(EBADMSG, "generation {} of region {} has {} bytes, and {} at {} are needed", number,
                    states_.name, opened->generation().length, into.size(), offset);
    return {};
}

}  // namespace pmemckpt::client
