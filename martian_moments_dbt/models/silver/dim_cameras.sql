{#
    Cameras that the seed lacks are kept, with the role unknown. Sources name one camera differently; a canonical name may stand
    for two eyes and their spares, which dim_instruments has one by one.
#}
with known as (
    select * from {{ ref('cameras') }}
),

seen as (
    select
        counts.rover,
        coalesce(names.camera, counts.source_camera) as camera,
        max(counts.camera_full_name) as full_name
    from {{ ref('photo_counts') }} as counts
    left join {{ ref('camera_names') }} as names
        on counts.rover = names.rover and counts.source_camera = names.name
    group by counts.rover, coalesce(names.camera, counts.source_camera)
),

built as (
    select
        instruments.rover,
        instruments.camera,
        case
            when count(instruments.eye) = count(*) and min(instruments.eye) = max(instruments.eye)
                then min(instruments.eye)
        end as eye,
        min(partners.camera) as stereo_partner,
        max(instruments.detector_width_px) as detector_width_px,
        max(instruments.detector_height_px) as detector_height_px,
        max(instruments.fov_h_deg) as fov_h_deg,
        max(instruments.fov_v_deg) as fov_v_deg,
        case
            when count(case when instruments.is_bayer then 1 end) > 0 then true
            when count(instruments.is_bayer) = count(*) then false
        end as is_bayer,
        min(instruments.fact_source) as fact_source
    from {{ ref('dim_instruments') }} as instruments
    left join {{ ref('dim_instruments') }} as partners
        on instruments.rover = partners.rover and instruments.stereo_partner = partners.source_camera
    group by instruments.rover, instruments.camera
)

select
    coalesce(known.rover, seen.rover) as rover,
    coalesce(known.camera, seen.camera) as camera,
    coalesce(known.full_name, seen.full_name, seen.camera) as full_name,
    coalesce(known.role, 'unknown') as role,
    known.camera is not null as is_known,
    seen.camera is not null as is_seen,
    built.eye,
    built.stereo_partner,
    built.detector_width_px,
    built.detector_height_px,
    built.fov_h_deg,
    built.fov_v_deg,
    built.is_bayer,
    built.fact_source
from known
full outer join seen on known.rover = seen.rover and known.camera = seen.camera
left join built on known.rover = built.rover and known.camera = built.camera
