{#
    What the platform recorded itself (domain/pictures.py). A source may move a photo to another sol: of the records of one photo
    that of a picture stands before an error, then the later one.
#}
with records as (
    {{ records(
        bronze('raw_images'),
        'images',
        keep={'object_key': 'object_key', 'rover': 'rover', 'sol': 'sol'},
        fields={
            'photo_key': 'photo_key',
            'picture_key': 'picture_key',
            'source_url': 'source_url',
            'bytes': 'bytes',
            'sha256': 'sha256',
            'width_px': 'width_px',
            'height_px': 'height_px',
            'mode': 'mode',
            'mean': 'mean',
            'spread': 'spread',
            'sharpness': 'sharpness',
            'saturated_share': 'saturated_share',
            'black_share': 'black_share',
            'perceptual_hash': 'perceptual_hash',
            'error': 'error',
            'fetched_at': 'fetched_at',
        },
    ) }}
),

typed as (
    select
        rover,
        sol,
        photo_key,
        picture_key,
        source_url,
        cast({{ whole_text('bytes') }} as bigint) as bytes,
        sha256,
        {{ to_integer('width_px') }} as width_px,
        {{ to_integer('height_px') }} as height_px,
        mode,
        {{ to_double('mean') }} as mean,
        {{ to_double('spread') }} as spread,
        {{ to_double('sharpness') }} as sharpness,
        {{ to_double('saturated_share') }} as saturated_share,
        {{ to_double('black_share') }} as black_share,
        perceptual_hash,
        error,
        try_cast(fetched_at as timestamptz) as fetched_at,
        object_key
    from records
    where photo_key is not null
)

select *
from typed
qualify
    row_number() over (
        partition by photo_key
        order by case when picture_key is null then 2 else 1 end asc, fetched_at desc, object_key asc
    ) = 1
