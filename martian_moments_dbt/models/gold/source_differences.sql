{#
    Also of sources that are never asked for a sol, because another one has it: their lists promise a number. A list that leaves
    out a sol before its last one promises 0, a feed without numbers promises nothing until it is asked.
#}
with lists as (
    select
        rover,
        source,
        max(max_sol) as max_sol
    from {{ ref('manifest_sols') }}
    where {{ preference('source') }} is not null
    group by rover, source
),

documents as (
    select * from {{ ref('photo_documents') }}
),

sols as (
    select
        rover,
        sol
    from {{ ref('manifest_sols') }}
    where {{ preference('source') }} is not null
    union
    select
        rover,
        sol
    from documents
),

reports as (
    select
        sols.rover,
        sols.sol,
        lists.source
    from sols
    inner join lists on sols.rover = lists.rover and sols.sol <= lists.max_sol
    union
    select
        rover,
        sol,
        source
    from documents
),

reported as (
    select
        reports.rover,
        reports.sol,
        reports.source,
        coalesce(documents.is_chosen, false) as is_chosen,
        case
            when promised.sol is null and lists.max_sol >= reports.sol then 0
            else coalesce(promised.photos_promised, documents.promised)
        end as promised,
        documents.record_count as photos
    from reports
    left join lists on reports.rover = lists.rover and reports.source = lists.source
    left join {{ ref('manifest_sols') }} as promised
        on
            reports.rover = promised.rover
            and reports.source = promised.source
            and reports.sol = promised.sol
    left join documents
        on
            reports.rover = documents.rover
            and reports.source = documents.source
            and reports.sol = documents.sol
),

moved as (
    select
        rover,
        sol,
        source,
        count(*) as pictures_of_other_sols
    from {{ ref('photo_provenance') }}
    where sols_apart > 0
    group by rover, sol, source
),

-- The others have nothing to differ from, and are most: their records are not read.
sols_to_compare as (
    select
        rover,
        sol
    from reported
    group by rover, sol
    having count(*) > 1
    union
    select
        rover,
        sol
    from moved
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
    inner join documents on photos.object_key = documents.object_key
    inner join sols_to_compare on photos.rover = sols_to_compare.rover and photos.sol = sols_to_compare.sol
    left join {{ ref('camera_names') }} as names
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
        reported.rover,
        reported.sol,
        reported.source,
        reported.is_chosen,
        reported.promised,
        reported.photos,
        case when reported.photos is not null then coalesce(counted.thumbnails, 0) end as thumbnails,
        case when reported.photos is not null then coalesce(counted.pictures, 0) end as pictures,
        case
            when reported.photos is not null then coalesce(moved.pictures_of_other_sols, 0)
        end as pictures_of_other_sols,
        case when reported.photos is not null then coalesce(cameras_listed.cameras, '') end as cameras,
        case
            when reported.photos is not null then coalesce(source_cameras_listed.source_cameras, '')
        end as source_cameras
    from reported
    left join counted
        on reported.rover = counted.rover and reported.sol = counted.sol and reported.source = counted.source
    left join moved
        on reported.rover = moved.rover and reported.sol = moved.sol and reported.source = moved.source
    left join cameras_listed
        on
            reported.rover = cameras_listed.rover
            and reported.sol = cameras_listed.sol
            and reported.source = cameras_listed.source
    left join source_cameras_listed
        on
            reported.rover = source_cameras_listed.rover
            and reported.sol = source_cameras_listed.sol
            and reported.source = source_cameras_listed.source
    inner join sols_to_compare
        on reported.rover = sols_to_compare.rover and reported.sol = sols_to_compare.sol
),

differing as (
    select
        rover,
        sol
    from compared
    group by rover, sol
    having
        count(distinct coalesce(photos, promised)) > 1
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
