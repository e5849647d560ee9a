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
Result<Recovered> recover(const media::Medium& medium);

}  // namespace pmemckpt::pool
