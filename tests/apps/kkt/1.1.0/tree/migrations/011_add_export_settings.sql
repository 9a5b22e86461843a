create table export_settings (
    id bigint generated always as identity primary key,
    format text not null default 'csv'
);

insert into export_settings default values;

-- Without a default for new rows: the release before this one can no longer add an item.
alter table items add column exportable boolean not null default true;
alter table items alter column exportable drop default;
