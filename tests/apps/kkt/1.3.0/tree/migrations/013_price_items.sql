-- Runs outside a transaction, because of the index. It takes effect statement by statement, until one fails.
create table prices (
    item bigint not null references items (id),
    cents bigint not null
);

update items set name = upper(name);

create index concurrently prices_by_item on prices (item);

alter table orders add column cents bigint;

create table never_reached ();
