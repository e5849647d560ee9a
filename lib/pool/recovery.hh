#pragma once
// From the bytes of a medium to the tables, or an error that says why not. Changes nothing on the medium.
#include <memory>

#include "lib/base/result.hh"
#include "lib/media/medium.hh"
#include "lib/pool/catalog.hh"
#include "lib/pool/journal.hh"
#include "lib/pool/page_store.hh"

namespace pmemckpt::pool {

struct Recovered {
    JournalPosition position;
    std::shared_ptr<PageStore> pages;
    Catalog catalog;
};

/// EUCLEAN, EPROTONOSUPPORT. Any bytes whatever give one of these or a state that is consistent in itself.
/// With the manager key each superblock and record that is believed was written with it: EKEYREJECTED when
/// one was not, or when the pool has another key. Without it, none: they verify by their checksums alone, and
/// nobody can write to what was recovered.
Result<Recovered> recover(const media::Medium& medium, const Key* manager_key);

}  // namespace pmemckpt::pool
