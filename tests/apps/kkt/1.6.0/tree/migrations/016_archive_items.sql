-- Takes effect statement by statement, and then for ever: whoever wants to cut an update off in its middle has the time.
create table archive (
    item bigint not null
);

update items set name = upper(name);

select pg_sleep(3600);
