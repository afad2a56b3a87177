-- Which sources report the same pictures?
with pictures as (
    select
        rover,
        product_identity,
        string_agg(source, ' + ' order by source) as sources_of_it
    from gold.photo_provenance
    group by rover, product_identity
)

select
    rover,
    sources_of_it,
    count(*) as pictures
from pictures
group by rover, sources_of_it
order by rover, pictures desc;

-- How many pictures would be lost without each source?
select
    source,
    count(*) as pictures,
    sum(case when sources = 1 then 1 else 0 end) as only_here
from gold.photo_provenance
group by source
order by only_here desc;

-- What does a source report that is not in fact_photos, because another one was chosen for the sol?
select
    rover,
    source,
    sol,
    count(*) as pictures
from gold.photo_provenance
where not is_chosen
group by rover, source, sol
order by pictures desc;

-- Which pictures come in the most products, versions and renditions?
select
    rover,
    product_identity,
    source,
    records
from gold.photo_provenance
where records > 1
order by records desc, rover, product_identity
limit 20;

-- Do two sources file a picture under different sols, and how often?
select
    rover,
    sols_apart,
    count(distinct product_identity) as pictures
from gold.photo_provenance
where sources > 1
group by rover, sols_apart
order by rover, sols_apart;
