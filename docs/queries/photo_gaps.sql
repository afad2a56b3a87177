-- What is still missing of each rover, in sols and in photos?
select
    rover,
    reason,
    count(*) as sols,
    sum(expected - found) as photos_lacking
from gold.photo_gaps
where reason <> 'expected_gap'
group by rover, reason
order by rover, reason;

-- Which sols are only partly here?
select
    rover,
    sol,
    source,
    found,
    expected,
    round(found / nullif(expected, 0), 3) as share_here
from gold.photo_gaps
where reason = 'short'
order by expected - found desc;

-- How many of the sols without photos does a report explain?
select
    rover,
    count(*) as sols_without_photos,
    count(explanation) as explained,
    round(count(explanation) / count(*), 2) as share_explained
from gold.photo_gaps
where reason = 'expected_gap'
group by rover
order by rover;

-- The longest silences: sols without photos, one after another, and why
with numbered as (
    select
        *,
        sol - row_number() over (partition by rover order by sol) as island
    from gold.photo_gaps
    where reason = 'expected_gap'
)

select
    rover,
    min(sol) as first_sol,
    max(sol) as last_sol,
    count(*) as sols,
    string_agg(distinct explanation, ', ' order by explanation) as why
from numbered
group by rover, island
order by sols desc, rover
limit 10;

-- Which spans of sols would a backfill have to ask for, those with most photos first?
with numbered as (
    select
        *,
        sol - row_number() over (partition by rover order by sol) as island
    from gold.photo_gaps
    where reason in ('missing', 'short')
)

select
    rover,
    min(sol) || '-' || max(sol) as sols,
    sum(expected - found) as photos_lacking
from numbered
group by rover, island
order by photos_lacking desc
limit 20;
