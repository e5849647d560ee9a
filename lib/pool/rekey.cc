#include "lib/pool/rekey.hh"

#include "lib/pool/journal.hh"
#include "lib/pool/manager_key.hh"
#include "lib/pool/recovery.hh"

namespace pmemckpt::pool {

Status rekey(media::Medium& medium, const Key& from, const Key& to) {
    const auto recovered = TRY(recover(medium, &from));
    Journal journal(medium, recovered.position);
    TRY(journal.settle());
    return journal.rekey({to, recovered.position.superblock.uuid}, recovered.catalog);
}

namespace {

/// The pool has its new key on the medium.
Result<Rekeyed> come_to_the_end(media::Medium& medium, const std::string& directory, const Key& key) {
    const auto recovered = TRY(recover(medium, &key));
    TRY(Journal(medium, recovered.position).settle());
    const auto& uuid = recovered.position.superblock.uuid;
    TRY(end_change_of_key(directory, uuid));
    return Rekeyed{uuid, true};
}

}  // namespace

Result<Rekeyed> rekey(media::Medium& medium, const std::string& directory) {
    const auto found = TRY(find_manager_key(medium, directory));
    if (found.is_next)
        return come_to_the_end(medium, directory, found.key);
    const auto uuid = TRY(recover(medium, &found.key)).position.superblock.uuid;
    const auto next = Key::random();
    // Cut before or in it: the pool has its key. What lies under the name of the next one opens nothing, and
    // the next change makes another one of it.
    TRY(store_key(directory, next_pool_key_name(to_string(uuid)), next, true));
    // Cut in it: the pool has its key, or, with the first superblock whole, the next one. Both are there.
    TRY(rekey(medium, found.key, next));
    // Cut before or in it: the pool has the next key, which is found under either name.
    TRY(end_change_of_key(directory, uuid));
    return Rekeyed{uuid, false};
}

}  // namespace pmemckpt::pool
