#include "driver/handshake.hh"

namespace pmemckpt::driver {

std::string manager_name() {
    return "pmemckptd " PMEMCKPT_VERSION;
}

Result<wire::ServerHandshake::Served> Handshake::find(const std::string& name) {
    pool_ = TRY(pools_.find(name));
    wire::ServerHandshake::Served served{pool_->pool->uuid(), pool_->manager_key, {}};
    served.welcome.page_size = pool_->pool->page_size();
    served.welcome.durability = static_cast<std::uint8_t>(pool_->pool->medium().durability());
    served.welcome.manager = manager_name();
    return served;
}

}  // namespace pmemckpt::driver
