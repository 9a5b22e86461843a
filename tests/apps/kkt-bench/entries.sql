set role kkt;
create table entries (
    id bigint primary key,
    created timestamptz not null,
    reference uuid not null,
    customer bigint not null,
    email text not null,
    cents bigint not null,
    note text not null
);
insert into entries
    select i, timestamptz '2024-01-01' + i * interval '43.217 seconds', md5(i::text)::uuid, i % 5000,
        format('%s.%s@example.com', substr(md5((i % 5000)::text), 1, 6), i % 5000), (i::bigint * 7919) % 100000,
        format('Order %s, packed on day %s, to the back door', i, i % 365)
    from generate_series(1, 1150000) as i;
reset role;
vacuum analyze entries;
checkpoint;
