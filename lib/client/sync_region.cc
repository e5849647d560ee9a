#include "lib/client/sync_region.hh"

#include <algorithm>
#include <cerrno>

#include "lib/client/limits.hh"

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

Result<std::unique_ptr<SyncRegion>> SyncRegion::open(const Options& options, const std::string& region,
                                                     std::uint64_t state_bytes) {
    std::unique_ptr<SyncRegion> opened(new SyncRegion(options, region, state_bytes));
    opened->client_ = TRY(Client::connect(options));
    TRY(opened->make_regions());
    TRY(opened->take_over(opened->tables_));
    TRY(opened->take_over(opened->states_));
    return opened;
}

/// Nothing that is there is changed.
Status SyncRegion::make_regions() {
    if (limit_ == 0)
        if (const auto there = client_->find_region(states_.name); !there && there.error().code == ENOENT)
            return fail(ENOENT,
                        "there is no region {}: say how many bytes a state has at most, and it is made; or "
                        "make it: pmemckpt-ctl create-region {} --keep 1 --max-size SIZE",
                        states_.name, states_.name);
    const auto states = TRY(client_->create_region(states_.name, {1, limit_}, false));
    const auto tables = TRY(client_->create_region(tables_.name, {kKeptTables}, false));
    if (states.max_size != 0)
        limit_ = states.max_size;
    if (limit_ == 0)
        return fail(EINVAL, "region {} has no limit: say how many bytes a state has at most", states_.name);
    if (tables.generations == 0 && states.generations != 0)
        return fail(EBADMSG,
                    "region {} has {} generations, and {} has no table that says whose: take another region",
                    states_.name, states.generations, tables_.name);
    return {};
}

Status SyncRegion::take_over(Held& held) {
    const auto taken = TRY(client_->take_over(held.name));
    held.id = taken.region.id;
    held.epoch = taken.region.epoch;
    return {};
}

/// A session has the epoch of its first look at a region, so after this it is fenced as the last one was.
Status SyncRegion::check_is_ours(Client& client, const Held& held) const {
    const auto now = TRY(client.find_region(held.name));
    if (now.id == held.id && now.epoch == held.epoch)
        return {};
    return fail(ESTALE,
                "fenced: region {} was taken over (epoch {}, {} was this participant's): another one has it "
                "now, end this one",
                held.name, now.epoch, held.epoch);
}

Result<std::shared_ptr<Client>> SyncRegion::connected() {
    const std::lock_guard lock(mutex_);
    if (client_ && client_->state())
        return client_;
    reader_.reset();
    client_.reset();
    auto client = TRY(Client::connect(options_));
    TRY(check_is_ours(*client, tables_));
    TRY(check_is_ours(*client, states_));
    client_ = std::move(client);
    return client_;
}

Result<std::vector<std::byte>> SyncRegion::load(std::size_t most) {
    const auto client = TRY(connected());
    const auto newest = client->open(tables_.name);
    if (!newest && newest.error().code == ENODATA)
        return std::vector<std::byte>();
    TRY(newest.map([](auto&) {}));
    const auto length = (*newest)->generation().length;
    if (length > most)
        return fail(EMSGSIZE, "generation {} of region {} has {} bytes, and is no table: {} at most",
                    (*newest)->generation().number, tables_.name, length, most);
    std::vector<std::byte> table(length);
    TRY((*newest)->read(0, table));
    return table;
}

/// All but its seal. Nothing has changed when it fails.
Result<std::unique_ptr<Writer>> SyncRegion::write_table(std::span<const std::byte> table) {
    const auto client = TRY(connected());
    TRY(check_is_ours(*client, tables_));  // of that name there may be another one by now
    auto writer = TRY(client->begin(tables_.name, table.size()));
    TRY(writer->write(0, table));
    TRY(writer->flush());
    return writer;
}

Status SyncRegion::commit(std::span<const std::byte> table) {
    auto writer = write_table(table);
    if (!writer && (writer.error().code == ESTALE || writer.error().code == ENOENT))
        return tl::unexpected(std::move(writer).error());  // for good
    if (!writer)
        return fail(EAGAIN, "the table was not committed, and the former one stands: {}",
                    writer.error().message);
    TRY((*writer)->seal());  // cut before: the former one; after: this one
    return {};
}

Status SyncRegion::keep(std::span<const std::uint64_t> numbers) {
    const auto client = TRY(connected());
    {
        const std::lock_guard lock(mutex_);
        reader_.reset();  // what is open keeps its pages
    }
    const auto all = TRY(client->generations(states_.name));
    TRY(check_is_ours(*client, tables_));  // pins know no epoch: so none of these is somebody else's
    bool has_dropped = false;
    for (const auto& generation : all) {
        const bool is_held = std::ranges::find(numbers, generation.number) != numbers.end();
        if (is_held == (generation.pinned != 0))
            continue;
        TRY(client->pin(states_.name, generation.number, is_held));
        has_dropped |= !is_held;
    }
    return has_dropped ? drop_unpinned(*client) : Status();
}

/// Retention would do it with the next seal; but that state may need their room.
Status SyncRegion::drop_unpinned(Client& client) const {
    const auto region = TRY(client.find_region(states_.name));
    TRY(client.set_retention(states_.name, region.keep, region.keep_age_ns));  // as it is
    return {};
}

Result<std::unique_ptr<SyncRegion::State>> SyncRegion::begin() {
    return std::make_unique<State>(*this, TRY(connected()));
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
