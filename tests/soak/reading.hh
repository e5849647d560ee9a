#pragma once
// Reads generations and logs whole, looks whether they are what they say they are, and tells the supervisor.
#include <pmemckpt/pmemckpt.hh>

#include "tests/soak/content.hh"

namespace soak {

namespace ckpt = pmemckpt::api;

/// The same in every program of pmemckpt: pmemckpt(7), EXIT STATUS.
int exit_status(const ckpt::Error& error);
inline int code_of(const ckpt::Error& error) {
    return error.code().value();
}

Bytes read_whole(const ckpt::Reader& reader);
/// Says "wrong" when the bytes contradict themselves.
void look_at_image(View image, const std::string& what);
void look_at_record(View record, const std::string& what);
View bytes_of(const ckpt::Record& record);

}  // namespace soak
