-- Which photo is the one that the v1 API called 102693?
select
    ids.photo_key,
    photos.sol,
    photos.camera,
    photos.image_url
from gold.photo_ids as ids
left join silver.fact_photos as photos on ids.photo_key = photos.photo_key
where ids.id = 102693;

-- What are the ids of the newest sol of each rover?
select
    photos.rover,
    photos.sol,
    photos.photo_key,
    ids.id
from silver.fact_photos as photos
inner join gold.photo_ids as ids on photos.photo_key = ids.photo_key and ids.is_current
where (photos.rover, photos.sol) in (
    select (rover, max(sol)) from silver.fact_photos
    group by rover
)
order by photos.rover, ids.id;

-- How many pictures still have the number that the v1 API gave them?
select
    rover,
    count(*) filter (where method = 'v1') as by_v1,
    count(*) as photos
from gold.photo_ids
where is_current
group by rover
order by rover;

-- Which ids do the files of one picture have?
select
    rover,
    product_identity,
    list(product order by id) as files,
    list(id order by id) as ids
from gold.photo_ids
where is_current
group by rover, product_identity
having count(*) > 1
order by rover, product_identity
limit 20;

-- Which numbers lead nowhere now, because nothing reports their picture any more?
select
    id,
    rover,
    product,
    method
from gold.photo_ids
where photo_key is null
order by id
limit 20;
