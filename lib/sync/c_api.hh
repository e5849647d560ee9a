#pragma once
// What the files of the C API of sync points share.
#include <memory>

#include "lib/base/c_api.hh"
#include "lib/sync/coordinator.hh"
#include "pmemckpt/sync.h"

struct pmemckpt_coordinator {
    std::unique_ptr<pmemckpt::sync::Coordinator> coordinator;
};
