-- What changed after a moment? Read these anew from fact_photos, and drop those that went
select
    photo_key,
    change,
    changed_at
from gold.photo_changes
where changed_at > timestamptz '2026-01-01 00:00:00+00'
order by changed_at, photo_key
limit 100;

-- Must a copy be made anew? Yes, if this is later than what you have read last
select max(history_since) as history_since
from gold.photo_changes;

-- What did the last build bring, by rover?
select
    rover,
    change,
    count(*) as photos,
    min(sol) as first_sol,
    max(sol) as last_sol
from gold.photo_changes
where changed_at = (select max(latest.changed_at) from gold.photo_changes as latest)
group by rover, change
order by rover, change;

-- The photos of today, as they are in the gallery
select
    photos.photo_key,
    photos.camera,
    photos.image_url
from gold.photo_changes as changes
inner join silver.fact_photos as photos on changes.photo_key = photos.photo_key
where changes.appeared_at > (select max(changed_at) - interval 1 day from gold.photo_changes)
order by photos.rover, photos.sol, photos.photo_key
limit 100;

-- How long after it was fetched could readers see a document's photos?
select
    rover,
    source,
    median(changed_at - fetched_at) as half_within,
    max(changed_at - fetched_at) as all_within
from gold.photo_changes
where change != 'went'
group by rover, source
order by rover, source;
