create table labels (
    item bigint not null references items (id),
    label text not null
);

update items set name = upper(name);
