// The C API: who may do what with a region.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "lib/client/c_api.hh"

using namespace pmemckpt;
using namespace pmemckpt::c_api;

namespace {

using Change = Result<wire::Grant> (client::Client::*)(const std::string& region, const wire::Grant& grant);

int change(const char* function, Change does, pmemckpt_client* client, const char* region, const char* who,
           uint32_t rights) {
    return guarded([&]() -> Status {
        TRY(need(function, "client", client));
        TRY(need(function, "region", region));
        TRY(need(function, "who", who));
        if (rights > UINT8_MAX)
            return fail(EINVAL, "{}: rights {:#x} have a bit that is no right", function, rights);
        TRY((client->client.get()->*does)(region, {who, static_cast<std::uint8_t>(rights)}));
        return {};
    });
}

void store(const wire::Grant& from, pmemckpt_grant& to) {
    std::memset(&to, 0, sizeof to);
    to.rights = from.rights;
    std::snprintf(to.who, sizeof to.who, "%s", from.grantee.c_str());
}

}  // namespace

int pmemckpt_grant_rights(pmemckpt_client* client, const char* region, const char* who, uint32_t rights) {
    return change("pmemckpt_grant_rights", &client::Client::grant, client, region, who, rights);
}

int pmemckpt_revoke_rights(pmemckpt_client* client, const char* region, const char* who, uint32_t rights) {
    return change("pmemckpt_revoke_rights", &client::Client::withdraw, client, region, who, rights);
}

int pmemckpt_list_rights(pmemckpt_client* client, const char* region, pmemckpt_grant* grants, size_t room,
                         size_t* count) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_list_rights", "client", client));
        TRY(need("pmemckpt_list_rights", "region", region));
        TRY(need("pmemckpt_list_rights", "count", count));
        if (room > 0)
            TRY(need("pmemckpt_list_rights", "grants", grants));
        *count = 0;
        const auto all = TRY(client->client->rights(region)).grants;
        for (size_t at = 0; at < all.size() && at < room; ++at)
            store(all[at], grants[at]);
        *count = all.size();
        return {};
    });
}

int pmemckpt_set_owner(pmemckpt_client* client, const char* region, const char* owner) {
    return guarded([&]() -> Status {
        TRY(need("pmemckpt_set_owner", "client", client));
        TRY(need("pmemckpt_set_owner", "region", region));
        TRY(need("pmemckpt_set_owner", "owner", owner));
        TRY(client->client->set_owner(region, owner));
        return {};
    });
}
