with documents as (
    select
        *,
        count(*) over (partition by rover, sol) as sources
    from {{ ref('photo_documents') }}
    where preference is not null
),

contested as (
    select * from documents
    where sources > 1
),

records as (
    select
        photos.rover,
        photos.sol,
        photos.source,
        photos.product_identity,
        photos.is_thumbnail,
        photos.camera as source_camera,
        coalesce(names.camera, photos.camera) as camera
    from {{ ref('source_photos') }} as photos
    inner join contested on photos.object_key = contested.object_key
    left join {{ source('bronze', 'camera_names') }} as names
        on photos.rover = names.rover and photos.camera = names.name
),

counted as (
    select
        rover,
        sol,
        source,
        count(case when is_thumbnail then 1 end) as thumbnails,
        count(distinct product_identity) as pictures
    from records
    group by rover, sol, source
),

pictures as (
    select distinct
        rover,
        sol,
        source,
        product_identity
    from records
),

-- Pictures that another source has, but under other sols only.
moved as (
    select
        mine.rover,
        mine.sol,
        mine.source,
        mine.product_identity
    from pictures as mine
    inner join pictures as theirs
        on
            mine.rover = theirs.rover
            and mine.product_identity = theirs.product_identity
            and mine.source <> theirs.source
    group by mine.rover, mine.sol, mine.source, mine.product_identity
    having max(case when mine.sol = theirs.sol then 1 else 0 end) = 0
),

moved_counted as (
    select
        rover,
        sol,
        source,
        count(*) as pictures_of_other_sols
    from moved
    group by rover, sol, source
),

cameras as (
    select distinct
        rover,
        sol,
        source,
        camera
    from records
),

cameras_listed as (
    select
        rover,
        sol,
        source,
        {{ dbt.listagg('camera', "','", 'order by camera') }} as cameras
    from cameras
    group by rover, sol, source
),

source_cameras as (
    select distinct
        rover,
        sol,
        source,
        source_camera
    from records
),

source_cameras_listed as (
    select
        rover,
        sol,
        source,
        {{ dbt.listagg('source_camera', "','", 'order by source_camera') }} as source_cameras
    from source_cameras
    group by rover, sol, source
),

compared as (
    select
        contested.rover,
        contested.sol,
        contested.source,
        contested.is_chosen,
        contested.promised,
        contested.record_count as photos,
        coalesce(counted.thumbnails, 0) as thumbnails,
        coalesce(counted.pictures, 0) as pictures,
        coalesce(moved_counted.pictures_of_other_sols, 0) as pictures_of_other_sols,
        coalesce(cameras_listed.cameras, '') as cameras,
        coalesce(source_cameras_listed.source_cameras, '') as source_cameras
    from contested
    left join counted
        on contested.rover = counted.rover and contested.sol = counted.sol and contested.source = counted.source
    left join moved_counted
        on
            contested.rover = moved_counted.rover
            and contested.sol = moved_counted.sol
            and contested.source = moved_counted.source
    left join cameras_listed
        on
            contested.rover = cameras_listed.rover
            and contested.sol = cameras_listed.sol
            and contested.source = cameras_listed.source
    left join source_cameras_listed
        on
            contested.rover = source_cameras_listed.rover
            and contested.sol = source_cameras_listed.sol
            and contested.source = source_cameras_listed.source
),

differing as (
    select
        rover,
        sol
    from compared
    group by rover, sol
    having
        count(distinct photos) > 1
        or count(distinct source_cameras) > 1
        or max(pictures_of_other_sols) > 0
)

select
    compared.rover,
    compared.sol,
    compared.source,
    compared.is_chosen,
    cast(compared.promised as bigint) as promised,
    cast(compared.photos as bigint) as photos,
    cast(compared.thumbnails as bigint) as thumbnails,
    cast(compared.pictures as bigint) as pictures,
    cast(compared.pictures_of_other_sols as bigint) as pictures_of_other_sols,
    cast(compared.cameras as varchar) as cameras,
    cast(compared.source_cameras as varchar) as source_cameras
from compared
inner join differing on compared.rover = differing.rover and compared.sol = differing.sol
