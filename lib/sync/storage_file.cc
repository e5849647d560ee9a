#include "lib/sync/storage_file.hh"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "lib/base/c_api.hh"
#include "lib/base/log.hh"
#include "lib/sync/table_copy.hh"

namespace pmemckpt::sync {

namespace {

/// The program's functions, with errors as sentences.
class Storage {
public:
    explicit Storage(const pmemckpt_sync_storage& functions) : functions_(functions), name_(functions.name) {}

    const pmemckpt_sync_storage* operator->() const { return &functions_; }
    const std::string& name() const { return name_; }
    Status check(int returned) const {
        if (returned == 0)
            return {};
        const char* const sentence = functions_.error(functions_.context);
        return fail(c_api::code_of(returned), "{}: {}", name_, sentence ? sentence : "");
    }

private:
    const pmemckpt_sync_storage functions_;
    const std::string name_;
};

bool is_whole(const pmemckpt_sync_storage& given) {
    return given.name && given.load && given.commit && given.keep && given.begin && given.write &&
           given.finish && given.end_state && given.read && given.error && given.close;
}

/// An errno of a storage, as what holds for participants: others mean something else in a session.
Status as_storages(Status status) {
    if (status)
        return status;
    auto error = std::move(status).error();
    switch (error.code) {
        case ENOSPC:
        case EACCES:
        case ENOMEM:
        case ETIMEDOUT:
        case EBADMSG: break;
        default: error.code = EIO;
    }
    return tl::unexpected(std::move(error));
}

class StorageDraft final : public CheckpointFile::Draft {
public:
    explicit StorageDraft(const Storage& storage) : storage_(storage) {}
    ~StorageDraft() override {
        if (state_)
            storage_->end_state(*state_);
    }
    Status begin(std::uint64_t number) {
        void* state = nullptr;
        TRY(as_storages(storage_.check(storage_->begin(storage_->context, number, &state))));
        state_ = state;
        return {};
    }
    Status write(std::span<const std::byte> bytes) override {
        TRY(as_storages(storage_.check(storage_->write(*state_, bytes.data(), bytes.size()))));
        bytes_ += bytes.size();
        return {};
    }
    Result<std::vector<Segment>> finish() override {
        std::uint64_t token = 0;
        TRY(as_storages(storage_.check(storage_->finish(*state_, &token))));
        return std::vector<Segment>{{token, bytes_}};
    }

private:
    const Storage& storage_;
    std::optional<void*> state_;  // none before begin()
    std::uint64_t bytes_ = 0;
};

class StorageFile final : public CheckpointFile {
public:
    explicit StorageFile(const pmemckpt_sync_storage& storage) : storage_(storage) {}
    Status load();

    const Snapshot& snapshot() const override { return table_.snapshot; }
    std::string name() const override { return storage_.name(); }
    Result<std::unique_ptr<Draft>> begin(const SyncPointId& id) override {
        keep_states();
        auto draft = std::make_unique<StorageDraft>(storage_);
        TRY(draft->begin(id.number));
        return draft;
    }
    Status commit(Snapshot next) override;
    Status read(const Place& place, Offset from, std::span<std::byte> into) const override;

private:
    void keep_states() const;

    const Storage storage_;
    TableCopy table_;
};

Status StorageFile::load() {
    std::vector<std::byte> bytes(kTableCopyBytes);
    std::size_t size = 0;
    TRY(storage_.check(storage_->load(storage_->context, bytes.data(), bytes.size(), &size)));
    if (size == 0)
        return as_storages(commit(new_participant()));
    if (size > bytes.size())
        return fail(EBADMSG, "{} has a table of {} bytes: {} at most", name(), size, bytes.size());
    bytes.resize(size);
    switch (decode_table_copy(bytes, table_)) {
        case TableReading::good: keep_states(); return {};
        case TableReading::other_version:
            return fail(EBADMSG, "the table of {} is of another version of pmemckpt", name());
        default:
            return fail(EBADMSG, "the {} bytes of the table of {} are no table, or it is damaged", size,
                        name());
    }
}

/// What is left over goes: before each state, whose room it may be, and not with each table, for which others
/// wait. If it fails, till the next time: nothing is lost but room.
void StorageFile::keep_states() const {
    std::vector<std::uint64_t> tokens;
    for (const auto& place : snapshot().places)
        for (const auto& segment : place.segments)
            tokens.push_back(segment.at);
    const auto kept = storage_.check(storage_->keep(storage_->context, tokens.data(), tokens.size()));
    if (!kept)
        log::warning("what is left over was not dropped: {}", kept.error().message);
}

Status StorageFile::commit(Snapshot next) {
    const auto copy = TRY(encode_table_copy(table_.sequence + 1, next, name()));
    // Cut before: the former one; after: this one.
    auto committed = storage_.check(storage_->commit(storage_->context, copy.data(), copy.size()));
    if (!committed && committed.error().code != EAGAIN)
        return as_storages(std::move(committed));
    TRY(std::move(committed));
    table_ = {table_.sequence + 1, std::move(next)};
    return {};
}

Status StorageFile::read(const Place& place, Offset from, std::span<std::byte> into) const {
    if (into.empty())
        return {};
    if (place.segments.size() != 1 || !fits({from, {into.size()}}, {place.segments[0].bytes}))
        return fail(EBADMSG, "the table of {} has no {} bytes at {} of sync point {}", name(), into.size(),
                    from.bytes, to_string(place.id));
    auto got = storage_.check(
        storage_->read(storage_->context, place.segments[0].at, from.bytes, into.data(), into.size()));
    if (!got && got.error().code == ENOENT)
        got.error().code = EBADMSG;  // the table refers to it
    return as_storages(std::move(got));
}

}  // namespace

Result<std::unique_ptr<CheckpointFile>> open_storage(const pmemckpt_sync_storage& storage) {
    if (!is_whole(storage))
        return fail(EINVAL, "a storage needs a name and all of its functions");
    if (std::ranges::any_of(storage.reserved, [](const void* field) { return field; }))
        return fail(EINVAL, "{}: the storage's reserved fields must be NULL", storage.name);
    auto file = std::make_unique<StorageFile>(storage);
    TRY(file->load());
    return file;
}

}  // namespace pmemckpt::sync
