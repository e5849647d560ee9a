#pragma once
// What the files of the C API share: handles, and the way to them.
#include <memory>
#include <vector>

#include "lib/base/c_api.hh"
#include "lib/client/client.hh"
#include "lib/client/dirty_tracker.hh"
#include "pmemckpt/pmemckpt.h"

struct pmemckpt_client {
    std::shared_ptr<pmemckpt::client::Client> client;
};
struct pmemckpt_buffer {
    std::shared_ptr<pmemckpt::client::Buffer> buffer;
};
struct pmemckpt_writer {
    std::unique_ptr<pmemckpt::client::Writer> writer;
};
struct pmemckpt_reader {
    std::unique_ptr<pmemckpt::client::Reader> reader;
};
struct pmemckpt_appender {
    std::unique_ptr<pmemckpt::client::Appender> appender;
};
struct pmemckpt_log {
    std::unique_ptr<pmemckpt::client::LogReader> reader;
    pmemckpt::client::Record record;  // the last one handed out
};
struct pmemckpt_tracker {
    std::unique_ptr<pmemckpt::client::DirtyTracker> tracker;
};

namespace pmemckpt::c_api {

void store(const wire::Generation& from, pmemckpt_generation& to);
void store(const wire::Cursor& from, pmemckpt_cursor& to);
/// NULL: all from the environment.
Result<client::Options> read_options(const pmemckpt_options* options);
pmemckpt_record view_of(const client::Record& record);

}  // namespace pmemckpt::c_api
