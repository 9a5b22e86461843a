set role kkt;
create table entries (
    id bigint primary key,
    customer bigint not null,
    cents bigint not null,
    note text not null
);
insert into entries
    select i, i % 5000, (i::bigint * 7919) % 100000,
        format('Order %s of customer %s, packed on day %s, to be delivered to the back door', i, i % 5000, i % 365)
    from generate_series(1, 1350000) as i;
reset role;
vacuum analyze entries;
checkpoint;
