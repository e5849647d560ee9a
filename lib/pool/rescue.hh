#pragma once
// What can still be had of a pool that recover() refuses: the newest state that its journal leads to.
#include <optional>
#include <string>

#include "lib/base/result.hh"
#include "lib/media/medium.hh"
#include "lib/pool/recovery.hh"

namespace pmemckpt::pool {

struct Rescued {
    Recovered recovered;  ///< consistent in itself; its pages may hold newer bytes, which checksums show
    std::optional<Error> refused;  ///< why recover() refuses; none: it does not, and this is its state
    std::string state;             ///< which state it is, when recover() refuses
};

/// recover(), and what it refuses as damaged is gone round: a superblock copy is enough, records count up to
/// the first that does not verify, and where a snapshot is not whole the half of the journal before it is
/// taken. The medium may be cut short: pages may lie beyond its end. Changes nothing. recover()'s error when
/// nothing is left, and always when the format is not known here (EPROTONOSUPPORT). Also EUCLEAN when the
/// disk can't give the metadata.
Result<Rescued> rescue(const media::Medium& medium);

}  // namespace pmemckpt::pool
