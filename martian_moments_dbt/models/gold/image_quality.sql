with images as (
    select
        images.*,
        coalesce(names.camera, photos.camera, 'UNKNOWN') as camera
    from {{ ref('fact_images') }} as images
    left join {{ ref('photo_records') }} as photos on images.photo_key = photos.photo_key
    left join {{ ref('camera_names') }} as names
        on photos.rover = names.rover and photos.camera = names.name
)

select
    rover,
    camera,
    sol,
    count(picture_key) as pictures,
    count(case when error = 'missing' then 1 end) as missing,
    count(case when error = 'damaged' then 1 end) as damaged,
    count(case when error = 'refused' then 1 end) as refused,
    count(case when error = 'failed' then 1 end) as failed,
    cast(coalesce(sum(bytes), 0) as bigint) as bytes,
    percentile_disc(0.5) within group (order by mean) as mean,
    percentile_disc(0.5) within group (order by spread) as spread,
    percentile_disc(0.5) within group (order by sharpness) as sharpness,
    percentile_disc(0.5) within group (order by saturated_share) as saturated_share,
    percentile_disc(0.5) within group (order by black_share) as black_share
from images
group by rover, camera, sol
