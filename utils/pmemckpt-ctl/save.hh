#pragma once
#include "lib/base/result.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::ctl {

/// A seal whose answer was lost may have happened: its error says so.
Result<wire::Generation> with_doubt(Result<wire::Generation> sealed);

}  // namespace pmemckpt::ctl
